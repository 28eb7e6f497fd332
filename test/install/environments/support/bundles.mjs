// Requirements for the bundles of all tools: a bundle runs on the native backend with nothing but its output folder.
// Without its binary it warns once with a copy command, and following that command restores the native backend.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { commonJs, esm } from './programs.mjs';

export const platform = `${process.platform}-${process.arch}`;
export const allPlatforms = [
  ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
  ...['win32-x64', 'win32-arm64'],
];

const start = `
exercise().then(
  () => console.log(JSON.stringify({ name: backend.name, reason: backend.reason })),
  (error) => { console.error(error); process.exitCode = 1; },
);
`;

/** Programs for bundlers: `main.mjs` and `main.cjs`. */
export function writePrograms(project) {
  project.write('main.mjs', esm + start);
  project.write('main.cjs', commonJs + start);
}

/** Leaves the installed package with binaries for these platforms; those for other machines are placeholders. */
export function keepBinaries(project, platforms) {
  const folder = 'node_modules/batchnorm/prebuilds';
  for (const name of readdirSync(project.path(folder))) {
    if (name.includes('-') && !platforms.includes(name)) {
      rmSync(project.path(folder, name), { recursive: true });
    }
  }
  const present = readdirSync(project.path(folder));
  for (const name of platforms) {
    if (!present.includes(name)) {
      project.write(join(folder, name, 'batchnorm.node'), `not a binary of ${name}`);
    }
  }
}

/** Runs `use` on a folder that holds only a copy of `output`, while the project has no node_modules. */
function elsewhere(project, output, use) {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-bundle-'));
  const hidden = project.path('node_modules.hidden');
  renameSync(project.path('node_modules'), hidden);
  try {
    cpSync(project.path(output), folder, { recursive: true });
    use(folder);
  } finally {
    renameSync(hidden, project.path('node_modules'));
    rmSync(folder, { recursive: true });
  }
}

const binariesIn = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'));

/** @param {number} binaries Number of binaries that the bundler must have copied. */
export function expectNativeBundle(project, output, file, { binaries = 1 } = {}) {
  elsewhere(project, output, (folder) => {
    assert.equal(binariesIn(folder).length, binaries, `binaries in ${output}`);
    expectNative(project, folder, file);
  });
  expectAdvice(project, output, file);
}

/** Without a binary, expects the portable backend with advice in a warning, and follows that advice. */
export function expectAdvice(project, output, file) {
  elsewhere(project, output, (folder) => {
    for (const name of binariesIn(folder)) rmSync(join(folder, name));
    const { source, destination } = expectLost(project, folder, file);
    assert.ok(destination.startsWith(folder), `${destination} is not in the bundle's folder`);
    const installed = project.path(source.replace('node_modules', 'node_modules.hidden'));
    copyFileSync(installed, destination);
    expectNative(project, folder, file);
  });
}

function expectNative(project, folder, file) {
  const { output, warnings } = run(project, folder, file, 'native');
  assert.match(output, /^exercised$/m);
  assert.deepEqual(warnings, [], 'warnings');
}

/** @returns the source and destination of the copy that the warning advises. */
function expectLost(project, folder, file) {
  const { output, warnings } = run(project, folder, file, 'portable');
  return readAdvice(JSON.parse(/^\{.*\}$/m.exec(output)[0]), warnings);
}

export function readAdvice({ name, reason }, warnings) {
  assert.equal(name, 'portable');
  assert.equal(warnings.length, 1, `one warning, not ${JSON.stringify(warnings)}`);
  const [warning] = warnings;
  assert.ok(warning.endsWith(`: ${reason}`), `${warning}\nis not about\n${reason}`);
  const advice = /this bundle has lost its native binary; copy (\S+) to (.+)$/.exec(reason);
  assert.ok(advice, reason);
  const [, source, destination] = advice;
  assert.equal(source, `node_modules/batchnorm/prebuilds/${platform}/batchnorm.node`);
  assert.ok(dirname(destination) !== '.', `${destination} is a whole path`);
  return { source, destination };
}

function run(project, folder, file, backend) {
  const output = project.node([join(folder, file)], { env: { EXPECTED_BACKEND: backend } });
  return { output, warnings: warningsIn(output) };
}

export const warningsIn = (output) => output.split('\n').filter((line) => line.includes('Warning: '));
