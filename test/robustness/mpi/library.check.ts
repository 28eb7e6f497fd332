import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend } from 'batchnorm';
import { launch, type LauncherName, launcherNames, launchers, programPath, runCommand } from './launch.js';
import { runRanks } from './run-ranks.js';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

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

    it('names both backends if the ranks do not use the same one', async () => {
      const rank = (name: string) => [
        ...['-n', '1', 'env', `BATCHNORM_BACKEND=${name}`],
        ...[node.file, ...node.args(program, 'different')],
      ];
      const command = launchers[launcher].command.slice(0, -1);
      const { status, stderr } = await runCommand([...command, ...rank('native'), ':', ...rank('portable')]);
      expect(status).to.not.equal(0);
      expect(stderr).to.match(/Expected the same backend .* rank 0 has native and rank 1 has portable/);
    });

    it('says what to install where the binary of the package is missing', async () => {
      const { command } = launchers[launcher];
      const { status, stderr } = await runCommand([
        ...[...command, '2', node.file, '--no-addons', ...node.args(program, 'members')],
      ]);
      expect(status).to.not.equal(0);
      expect(stderr).to.include('MPI needs the native binary of batchnorm, but addons are forbidden');
      expect(stderr).to.include('`npm install batchnorm` adds a missing one');
    });

    it('refuses to join again after the group was closed, which would end the process', async () => {
      for (const { reconnects } of await runRanks(launcher)(['reconnects'], 2)) {
        expect(reconnects).to.match(/^ERR_BATCHNORM_MPI: .*cannot be (initialized|joined) again/);
      }
    });

    it('joins where another library has initialized MPI', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'batchnorm-mpi-'));
      try {
        const preloaded = join(folder, 'initialize.so');
        const source = packagePath('test/robustness/mpi/initialize.cc');
        execFileSync('g++', ['-shared', '-fPIC', source, '-o', preloaded]);
        const environment = { LD_PRELOAD: preloaded, INITIALIZE_MPI: libraries[launcher] };
        const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
        const { status, stderr } = await runCommand([
          ...[...launchers[launcher].command, '2', 'env', ...variables],
          ...[node.file, ...node.args(program, 'members', 'sums')],
        ]);
        expect(status, stderr).to.equal(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
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

describe("Open MPI's binding of ranks to cores", () => {
  const threadsWith = async (binding: string) => {
    const [file, ...args] = launchers['Open MPI'].command;
    const command = args.map((arg) => (arg === 'none' ? binding : arg));
    const { stderr } = await runCommand([
      ...[file, ...command, '2', node.file, ...node.args('-e', printThreads)],
    ]);
    return stderr.match(/threads \d+/g);
  };
  const printThreads =
    "import('batchnorm').then(({ backend }) => process.stderr.write(`threads ${backend.threads}\\n`))";

  it('leaves each rank one thread, and all of them without it', async () => {
    expect(availableParallelism()).to.be.above(1);
    expect(await threadsWith('core')).to.deep.equal(['threads 1', 'threads 1']);
    const all = `threads ${backend.threads}`;
    expect(await threadsWith('none')).to.deep.equal([all, all]);
  });
});

describe("MPICH's mpiexec with a program between it and node", () => {
  // A shell closes the descriptor, as npm does.
  const closing = ['sh', '-c', 'eval "exec ${PMI_FD:-9}>&-"; exec "$@"', 'sh'];
  const start = () =>
    runCommand(['mpiexec.mpich', '-n', '2', ...closing, node.file, ...node.args(program, 'members')]);

  it('is an error that says how to start the program if the connection is closed', async () => {
    const { status, stderr } = await start();
    expect(status).to.not.equal(0);
    expect(stderr).to.match(/The connection to MPICH's mpiexec \(PMI_FD=\d+\) did not reach this process/);
    expect(stderr).to.not.include('PMI_Get_appnum');
  });

  it('gives one group with -pmi-port', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-mpi-'));
    try {
      const environment = { BATCHNORM_TEST_RESULTS: folder };
      const command = ['mpiexec.mpich', '-pmi-port', '-n', '2', node.file, ...node.args(program, 'members')];
      const ending = await runCommand(command, { environment });
      expect(ending.status, ending.stderr).to.equal(0);
      const members = [0, 1].map((rank): unknown =>
        JSON.parse(readFileSync(join(folder, `${rank}.json`), 'utf8')),
      );
      expect(members).to.deep.equal([0, 1].map((rank) => ({ members: { rank, size: 2, transport: 'mpi' } })));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

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
