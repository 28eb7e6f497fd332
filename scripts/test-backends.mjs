// Runs the mocha suite once on every backend that is here: the native one with each ISA that this
// processor has, and TypeScript. Each is forced, so that none can stand in for another. Arguments go to mocha.
import { createRequire } from 'node:module';
import { run } from './run.mjs';

const require = createRequire(import.meta.url);
const mocha = require.resolve('mocha/bin/mocha.js');

// Asked of the package itself, in this process: BATCHNORM_* must not be set around this script.
const { backend } = await import('batchnorm');

const portable = { BATCHNORM_BACKEND: 'portable' };
const native = (isa) => ({ BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: isa });
// What does not go through the kernels (files, the command line, examples, wrong arguments) is tested with the best
// ISA and in TypeScript; the other ISAs take what does.
const throughKernels =
  'dist-dev/test/{autograd,backend,data,determinism,endurance,faults,nn,numerics,ops,optim,parity,probes,raw,tensor,training}/**/*.test.js';
const onlyKernels = ['--no-config', '--timeout', '60000', throughKernels];
const turns =
  backend.name === 'native'
    ? [
        [native(backend.isa), []],
        ...(backend.isa === 'avx512' ? [[native('avx2'), onlyKernels]] : []),
        ...(backend.isa === 'scalar' ? [] : [[native('scalar'), onlyKernels]]),
        [portable, []],
      ]
    : [[portable, []]];

if (backend.name !== 'native') {
  console.log(`The native addon is not tested: ${backend.reason}`);
}
for (const [environment, which] of turns) {
  console.log(`\n=== ${Object.values(environment).join(' ')}`);
  const given = process.argv.slice(2);
  run(process.execPath, [mocha, '--reporter', 'dot', ...(given.length > 0 ? given : which)], {
    env: { ...process.env, ...environment },
  });
}
