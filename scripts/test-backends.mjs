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
const backends =
  backend.name === 'native'
    ? [...new Set([backend.isa, ...(backend.isa === 'avx512' ? ['avx2'] : []), 'scalar'])]
        .map(native)
        .concat(portable)
    : [portable];

if (backend.name !== 'native') {
  console.log(`The native addon is not tested: ${backend.reason}`);
}
for (const environment of backends) {
  console.log(`\n=== ${Object.values(environment).join(' ')}`);
  run(process.execPath, [mocha, '--reporter', 'dot', ...process.argv.slice(2)], {
    env: { ...process.env, ...environment },
  });
}
