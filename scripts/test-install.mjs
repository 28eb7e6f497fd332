// Tests of the package as npm packs it: packs it, has its types judged, and installs it in empty folders where
// PATH has node and npm alone. Without network but for a first fill of npm's cache with the dependencies.
// BATCHNORM_TARBALL names a tarball that was packed before.
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { packedTarball } from './pack/tarball.mjs';
import { capture, run, runQuietly } from './run.mjs';

const require = createRequire(import.meta.url);
const folder = resolve('build-install');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

const npm = process.env.npm_execpath;
if (npm === undefined) throw new Error('Start this as npm run test:install');
const tarball = packedTarball(folder);

run(process.execPath, [binOf('publint'), 'run', tarball, '--strict']);
runQuietly(process.execPath, [binOf('@arethetypeswrong/cli', 'attw'), tarball]);
console.log('publint and attw: no complaint');

const cache = join(folder, 'npm-cache');
const first = join(folder, 'first');
mkdirSync(first);
runQuietly(
  process.execPath,
  [npm, 'install', '--prefix', first, '--cache', cache, '--prefer-offline', tarball],
  { cwd: first },
);
run(
  process.execPath,
  [
    require.resolve('mocha/bin/mocha.js'),
    ...['--no-config', '--timeout', '120000', 'dist-dev/test/install/packed/*.check.js'],
  ],
  {
    env: {
      ...withoutNpm(process.env),
      BATCHNORM_TARBALL: tarball,
      BATCHNORM_TEST_NPM: JSON.stringify({
        program: npm,
        cache,
        registry: capture(process.execPath, [npm, 'config', 'get', 'registry']).trim(),
        path: onlyNodeAndNpm(),
      }),
    },
  },
);

/** A PATH without a compiler, make or Python. */
function onlyNodeAndNpm() {
  if (process.platform === 'win32') return dirname(process.execPath);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync(npm, join(bin, 'npm'));
  symlinkSync('/bin/sh', join(bin, 'sh')); // by which npm starts commands
  return bin;
}

/** What `npm run` puts into the environment is not there for a user. */
function withoutNpm(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)));
}

function binOf(name, command = name) {
  const directory = resolve('node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return join(directory, typeof bin === 'string' ? bin : bin[command]);
}
