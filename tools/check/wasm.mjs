// Builds the WebAssembly module and tests it: the C++ tests and random cases compiled to WebAssembly, and the mocha suite
// on that backend. Needs what tools/build/wasm.mjs names, and doctest.
//
//   npm run check -- wasm --native                               only the C++ tests and random cases
//   npm run check -- wasm dist-dev/test/unit/nn/fold.test.js     only this mocha test
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { buildWasm } from '../build/wasm/compile.mjs';
import { run } from '../process.mjs';
import { wholeSuite } from './support/suites.mjs';
import { buildNativeTests } from './wasm/native-tests.mjs';

const require = createRequire(import.meta.url);
const args = process.argv.slice(2);
const nativeOnly = args.includes('--native');
const given = args.filter((argument) => argument !== '--native');
const namesFiles = given.some((argument) => argument.includes('dist-dev/'));

await buildWasm(resolve('build/wasm/batchnorm.wasm'));
if (!namesFiles) {
  const { tests, stress } = await buildNativeTests(resolve('build/wasm/tests'));
  const wasi = ['--no-warnings', resolve('tools/check/wasm/run-wasi.mjs')];
  run(process.execPath, [...wasi, tests]);
  run(process.execPath, [...wasi, stress, '--cases', '1000']);
}
if (!nativeOnly) {
  const mocha = require.resolve('mocha/bin/mocha.js');
  run(process.execPath, [mocha, '--reporter', 'dot', ...given, ...(namesFiles ? [] : wholeSuite)], {
    env: { ...process.env, BATCHNORM_BACKEND: 'wasm' },
  });
}
