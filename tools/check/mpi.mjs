// Tests groups over MPI, with the launchers and libraries of Debian's packages openmpi-bin and mpich. Without --whole only
// what takes less than a minute.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { buildWasm } from '../build/wasm/compile.mjs';
import { run, succeeds } from '../process.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
for (const launcher of ['mpirun.openmpi', 'mpiexec.mpich']) {
  if (!succeeds(launcher, ['--version'])) {
    console.error(`${launcher} is missing: apt-get install openmpi-bin mpich`);
    process.exit(1);
  }
}
const isWhole = process.argv.includes('--whole');
// One of the backends on which the ranks train.
if (isWhole) await buildWasm(resolve('build/wasm/batchnorm.wasm'));
run(
  process.execPath,
  [
    mocha,
    ...['--timeout', '120000', '--reporter', isWhole ? 'spec' : 'dot'],
    ...(isWhole ? ['*'] : ['transport', 'library', 'training']).map(
      (name) => `dist-dev/test/robustness/mpi/${name}.check.js`,
    ),
  ],
  { env: { ...process.env, ...(isWhole ? { BATCHNORM_TEST_LONG: '1' } : {}) } },
);
