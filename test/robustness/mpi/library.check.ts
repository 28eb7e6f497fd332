import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { backend } from 'batchnorm';
import { launch, type LauncherName, launcherNames, launchers, programPath, runCommand } from './launch.js';
import { node } from '../../support/node-process.js';

const program = programPath('../../unit/distributed/programs/rank.js');

/** Debian's files of the libraries. */
const libraries: Readonly<Record<LauncherName, string>> = {
  'Open MPI': 'libmpi.so.40',
  MPICH: 'libmpich.so.12',
};

const other = (launcher: LauncherName): LauncherName => (launcher === 'MPICH' ? 'Open MPI' : 'MPICH');

for (const launcher of launcherNames) {
  describe(`connect under ${launcher}`, () => {
    it('refuses the library of another MPI, with which every process would be alone', async () => {
      const environment = { BATCHNORM_MPI_LIBRARY: libraries[other(launcher)] };
      const { status, stderr } = await launch(launcher, 2, program, ['members'], { environment });
      expect(status).to.not.equal(0);
      expect(stderr).to.match(/started 2 processes, but the MPI library \((Open MPI|MPICH) .*\) sees 1/);
      expect(stderr).to.include("Start the program with the library's own launcher");
    });

    it('says that a library is missing', async () => {
      const environment = { BATCHNORM_MPI_LIBRARY: '/no/such/libmpi.so' };
      const { status, stderr } = await launch(launcher, 2, program, ['members'], { environment });
      expect(status).to.not.equal(0);
      expect(stderr).to.include('BATCHNORM_MPI_LIBRARY names a library that cannot be used');
    });

    it('refuses to join in a child process, which inherits the variables of its parent', async () => {
      const { status, stderr } = await launch(launcher, 1, program, ['child']);
      expect(status).to.not.equal(0);
      expect(stderr).to.match(
        /This process inherited the variables of .* from process \d+, which is rank 0 itself/,
      );
    });

    it('names both instruction sets if the ranks do not use the same one', async () => {
      const rank = (isa: string) => ['-n', '1', 'env', `BATCHNORM_ISA=${isa}`, node.file];
      const { command } = launchers[launcher];
      const { status, stderr } = await runCommand([
        ...command.slice(0, -1),
        ...[...rank(backend.isa), ...node.args(program, 'different')],
        ':',
        ...[...rank('scalar'), ...node.args(program, 'different')],
      ]);
      expect(backend.isa).to.not.equal('scalar');
      expect(status).to.not.equal(0);
      expect(stderr).to.match(/Expected the same instruction set .* rank 0 has \w+ and rank 1 has scalar/);
    });

    it('joins a job of one process', async () => {
      const { status, stderr } = await launch(launcher, 1, program, ['members', 'sums']);
      expect(status, stderr).to.equal(0);
    });

    it('starts forty times without a crash', async function () {
      if (process.env.BATCHNORM_TEST_LONG !== '1') return this.skip();
      this.timeout(300_000);
      for (let i = 0; i < 40; i++) {
        const { status, stderr } = await launch(launcher, 2, program, ['allGather']);
        expect(status, stderr).to.equal(0);
      }
    });

    it('leaves WebAssembly its traps', async () => {
      const { status, stderr } = await launch(launcher, 1, program, ['webAssembly']);
      expect(status, stderr).to.equal(0);
    });
  });
}

describe('connect to MPI without a launcher', () => {
  it('gives a group of one', async () => {
    const { status, stderr } = await runCommand([node.file, ...node.args(program, 'mpiAlone')]);
    expect(status, stderr).to.equal(0);
  });

  it('is not possible in a worker', async () => {
    const code = `
      const { Worker } = require('node:worker_threads');
      new Worker("import('batchnorm/distributed').then((d) => d.connect({ transport: 'mpi' }))", { eval: true })
        .on('error', (error) => { console.log(error.message); });`;
    const { stdout } = await runCommand([node.file, ...node.args('-e', code)]);
    expect(stdout).to.include('Expected connect() with MPI in the main thread');
  });
});

describe('the addon', () => {
  it('needs no MPI library to be loaded', () => {
    const code = `import('batchnorm/distributed').then(() => process.stdout.write(
      require('node:fs').readFileSync('/proc/self/maps', 'utf8')))`;
    const maps = execFileSync(node.file, node.args('-e', code), { encoding: 'utf8' });
    expect(maps).to.include('batchnorm.node');
    expect(maps).to.not.match(/libmpi|libucp/);
  });
});
