// Tests the package as npm packs it: packs it, checks it with publint and attw, and installs it into empty folders with only
// node and npm in PATH. Needs the network only to fill npm's cache with the dependencies. BATCHNORM_TARBALL names a
// tarball to use instead of packing one.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { packedTarball } from '../release/pack/tarball.mjs';
import { capture, run, runQuietly } from '../process.mjs';

const require = createRequire(import.meta.url);
const folder = resolve('build-install');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

const npm = process.env.npm_execpath ?? findNpm();
const tarball = packedTarball(folder);

run(process.execPath, [binOf('publint'), 'run', tarball, '--strict']);
runQuietly(process.execPath, [binOf('@arethetypeswrong/cli', 'attw'), tarball]);
console.log('publint and attw: no problems');

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
    ...['--timeout', '120000', 'dist-dev/test/install/packed/*.check.js'],
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

/** npm's JavaScript file: the target of the link in PATH or, on Windows, beside Node. */
function findNpm() {
  const links = process.env.PATH.split(delimiter).map((each) => join(each, 'npm'));
  const beside = join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
  const found = [...links.filter((each) => existsSync(each)).map((each) => realpathSync(each)), beside];
  const program = found.find((each) => each.endsWith('.js') && existsSync(each));
  if (program === undefined) throw new Error('Expected npm in PATH but found none');
  return program;
}

/** A PATH without a compiler, make or Python. */
function onlyNodeAndNpm() {
  if (process.platform === 'win32') return dirname(process.execPath);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync(npm, join(bin, 'npm'));
  symlinkSync('/bin/sh', join(bin, 'sh')); // npm starts commands with it
  return bin;
}

/** Removes the variables that `npm run` adds to the environment, which users do not have. */
function withoutNpm(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)));
}

function binOf(name, command = name) {
  const directory = resolve('node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return join(directory, typeof bin === 'string' ? bin : bin[command]);
}
