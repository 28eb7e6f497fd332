// Builds the WebAssembly module and tests it: the C++ tests, random and fuzzed cases compiled to WebAssembly, and the mocha
// suite on that backend. Needs what tools/build/wasm.mjs names, and doctest.
//
//   npm run check -- wasm --native                               only the C++ tests and 1,000 random and fuzzed cases
//   npm run check -- wasm --native 100000                        only this many random and fuzzed cases
//   npm run check -- wasm --runtimes [NAME...]                   the mocha suite on every Node, Bun and Deno, or those named
//   npm run check -- wasm dist-dev/test/unit/nn/fold.test.js     only this mocha test
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { buildWasm } from '../build/wasm/compile.mjs';
import { run } from '../process.mjs';
import { wholeSuite } from './support/suites.mjs';
import { buildNativeTests } from './wasm/native-tests.mjs';
import { suiteOnRuntimes } from './wasm/runtimes.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const [first, ...rest] = process.argv.slice(2);

await buildWasm(resolve('build/wasm/batchnorm.wasm'));
if (first === '--native') await testNative(rest[0]);
else if (first === '--runtimes') suiteOnRuntimes(mocha, rest);
else if (first === undefined) {
  await testNative();
  testBackend(wholeSuite);
} else testBackend([first, ...rest]);

/** @param {string} [cases] the number of random and of fuzzed cases that run instead of everything */
async function testNative(cases) {
  const { tests, stress, fuzz } = await buildNativeTests(resolve('build/wasm/tests'));
  const seed = cases === undefined ? '1' : String(Date.now() % 1e9);
  const runWasi = (...command) => {
    console.log(command.join(' '));
    // With one of V8's compilers, because the sign of a NaN may differ between them, and cases compare bits.
    run(process.execPath, [
      '--no-warnings',
      '--no-liftoff',
      resolve('tools/check/wasm/run-wasi.mjs'),
      ...command,
    ]);
  };
  if (cases === undefined) runWasi(tests);
  runWasi(stress, '--cases', cases ?? '1000', '--seed', seed);
  runWasi(fuzz, cases ?? '1000', seed);
}

function testBackend(args) {
  run(process.execPath, [mocha, '--reporter', 'dot', ...args], {
    env: { ...process.env, BATCHNORM_BACKEND: 'wasm' },
  });
}
