// Compiles test/types against the declarations in dist/ with the oldest supported compiler, ours and
// the newest: all lines must compile except those marked @ts-expect-error. Then compares each compiler's message for
// each file in test/types/mistakes with the text beside it, which `--update` rewrites, and counts the types that each
// compiler instantiates for large networks, which unlike seconds does not depend on the machine.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from '../process.mjs';
import { maxInstantiations, networkProjects } from './type-networks.mjs';

const require = createRequire(import.meta.url);
const mistakes = 'test/types/mistakes';
const maxLines = 4;
const update = process.argv.includes('--update');
let failed = false;

for (const name of ['typescript-5.4', 'typescript', 'typescript-7']) {
  const manifest = require.resolve(`${name}/package.json`);
  const { version, bin } = require(manifest);
  const compiler = join(dirname(manifest), bin.tsc);
  console.log(`=== types under TypeScript ${version}`);
  run(process.execPath, [compiler, '-p', 'test/types']);
  const messages = firstMessages(compiler);
  for (const file of readdirSync(mistakes)) {
    if (file.endsWith('.ts')) checkMessage(file, messages.get(file));
  }
  for (const [network, folder] of networkProjects('build-types')) {
    checkNetwork(compiler, network, folder);
  }
}
process.exitCode = failed ? 1 : 0;

/** The first error of each file: a line and the indented lines below it. */
function firstMessages(compiler) {
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', mistakes, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  const messages = new Map();
  let current;
  for (const line of stdout.split('\n')) {
    const [, file, text] = /^(?:.*\/)?([^/]+\.ts)\(\d+,\d+\): (.*)$/.exec(line) ?? [];
    if (file === undefined) {
      if (line.startsWith('  ')) current?.push(line);
      continue;
    }
    current = messages.has(file) ? undefined : [text];
    if (current !== undefined) messages.set(file, current);
  }
  return messages;
}

function checkMessage(file, message) {
  const path = join(mistakes, file.replace(/\.ts$/, '.txt'));
  const text = `${message?.join('\n') ?? 'compiles'}\n`;
  if (update) writeFileSync(path, text);
  const expected = readFileSync(path, 'utf8');
  if (text !== expected) report(path, `Expected\n${expected}but the compiler reports\n${text}`);
  if (message === undefined) report(path, 'Expected an error, but it compiles');
  if (message?.length > maxLines) report(path, `Expected at most ${maxLines} lines:\n${text}`);
}

function checkNetwork(compiler, network, folder) {
  const { status, stdout } = spawnSync(
    process.execPath,
    [compiler, '-p', folder, '--extendedDiagnostics', '--pretty', 'false'],
    { encoding: 'utf8' },
  );
  const [, count = 'none'] = /^Instantiations:\s+(\d+)/m.exec(stdout) ?? [];
  const [, seconds = '?'] = /^Check time:\s+([\d.]+)s/m.exec(stdout) ?? [];
  console.log(`${network}: ${count} instantiations, ${seconds} s`);
  if (status !== 0) report(folder, `Expected the network to compile:\n${stdout}`);
  if (!(Number(count) <= maxInstantiations)) {
    report(folder, `Expected at most ${maxInstantiations} instantiations but counted ${count}`);
  }
}

function report(file, problem) {
  failed = true;
  console.error(`${file}: ${problem}`);
}
