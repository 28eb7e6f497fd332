// Runs the mocha suite on the backends of this machine: native with the best ISA, and portable without what takes long
// (support/suites.mjs). With --all, the portable backend runs everything, and the kernel tests run with AVX2 and without
// SIMD, too; the native tests in C++ cover these kernels in every run.
// Each backend is forced, so that none can stand in for another.
// Arguments are passed on to mocha; test files among them replace the suite:
//
//   npm test -- dist-dev/test/unit/nn/fold.test.js
//   npm test -- --grep momentum
//   npm test -- --all
import { createRequire } from 'node:module';
import { run } from '../process.mjs';
import { furtherBackend, throughKernels, wholeSuite } from './support/suites.mjs';

const require = createRequire(import.meta.url);
const mocha = require.resolve('mocha/bin/mocha.js');

// BATCHNORM_BACKEND and BATCHNORM_ISA must not be set, since this process chooses a backend too.
const { backend } = await import('batchnorm');

const given = process.argv.slice(2).filter((argument) => argument !== '--all');
const all = process.argv.includes('--all');
const namesFiles = given.some((argument) => argument.includes('dist-dev/'));
const portable = { BATCHNORM_BACKEND: 'portable' };
const native = (isa) => ({ BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: isa });
const turns =
  backend.name === 'native'
    ? [
        [native(backend.isa), wholeSuite],
        ...(backend.isa === 'avx512' && (all || namesFiles) ? [[native('avx2'), throughKernels]] : []),
        ...(all && backend.isa.startsWith('avx') ? [[native('scalar'), throughKernels]] : []),
        [portable, all ? wholeSuite : furtherBackend],
      ]
    : [[portable, wholeSuite]];

if (backend.name !== 'native') {
  console.log(`The native addon is not tested: ${backend.reason}`);
}
for (const [environment, suite] of turns) {
  console.log(`\n=== ${Object.values(environment).join(' ')}`);
  run(process.execPath, [mocha, '--reporter', 'dot', ...given, ...(namesFiles ? [] : suite)], {
    env: { ...process.env, ...environment },
  });
}
