// Runs the mocha suite once on every backend that is here: TypeScript, and the native one with each ISA that this
// processor has, all but the best with what goes through the kernels. Each is forced, so that none can stand in for
// another. Arguments go to mocha.
import { createRequire } from 'node:module';
import { run } from './run.mjs';
import { throughKernels } from './through-kernels.mjs';

const require = createRequire(import.meta.url);
const mocha = require.resolve('mocha/bin/mocha.js');

// Asked of the package itself, in this process: BATCHNORM_* must not be set around this script.
const { backend } = await import('batchnorm');

const portable = { BATCHNORM_BACKEND: 'portable' };
const native = (isa) => ({ BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: isa });
const turns =
  backend.name === 'native'
    ? [
        [native(backend.isa), []],
        ...(backend.isa === 'avx512' ? [[native('avx2'), throughKernels]] : []),
        ...(backend.isa === 'scalar' ? [] : [[native('scalar'), throughKernels]]),
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
