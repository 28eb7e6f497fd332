import { expect } from 'chai';
import { alone, findLauncher } from '#lib/distributed/launcher';
import { loadMpi } from '#lib/distributed/mpi-library';
import { describeProcess } from '#lib/distributed/peer-process';
import { expectError } from '../../support/errors.js';

describe('the launcher of a process', () => {
  const sees = (environment: Record<string, string>) => {
    const found = findLauncher(environment);
    return found && [found.name, found.rank, found.size];
  };

  it('is known by its variables', () => {
    expect(sees({ PATH: '/bin' })).to.equal(undefined);
    expect(sees({ OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '3', PMIX_RANK: '3' })).to.deep.equal([
      "Open MPI's mpirun",
      3,
      4,
    ]);
    expect(sees({ PMI_SIZE: '2', PMI_RANK: '1' })).to.deep.equal(["MPICH's mpiexec", 1, 2]);
    expect(sees({ MV2_COMM_WORLD_SIZE: '2', MV2_COMM_WORLD_RANK: '1' })).to.deep.equal([
      "MPICH's mpiexec",
      1,
      2,
    ]);
    expect(sees({ PMI_PORT: 'node1:4000', PMI_ID: '1', MPI_LOCALNRANKS: '2' })).to.deep.equal([
      "MPICH's mpiexec",
      1,
      2,
    ]);
    const step = { SLURM_STEP_NUM_TASKS: '8', SLURM_PROCID: '5' };
    expect(sees(step)).to.deep.equal(['srun', 5, 8]);
    expect(sees({ ...step, PMI_SIZE: '8', PMI_RANK: '5' })).to.deep.equal(['srun', 5, 8]);
    expect(sees({ ...step, PMIX_RANK: '5' })).to.deep.equal(['srun', 5, 8]);
  });

  it('names the libraries of its own implementation first, and never those of the other one where it is known', () => {
    const librariesOf = (environment: Record<string, string>) =>
      findLauncher(environment)?.libraries.join(' ');
    expect(librariesOf({ OMPI_COMM_WORLD_SIZE: '2' })).to.match(/^libmpi\.(so\.40|40\.dylib)/);
    expect(librariesOf({ OMPI_COMM_WORLD_SIZE: '2' })).not.to.include('mpich');
    for (const variable of ['PMI_SIZE', 'MV2_COMM_WORLD_SIZE']) {
      expect(librariesOf({ [variable]: '2' })).to.match(/^libmpich\.(so\.12|12\.dylib)/);
      expect(librariesOf({ [variable]: '2' })).not.to.match(/openmpi|libmpi\.(so\.40|40)/);
    }
    const both = librariesOf({ SLURM_STEP_NUM_TASKS: '2' });
    expect(both).to.match(/libmpi\..*libmpich/);
  });

  it('has the descriptor of its connection, except under Slurm', () => {
    const variables = { PMI_SIZE: '2', PMI_RANK: '1', PMI_FD: '8' };
    expect(findLauncher(variables)).to.include({ connection: 8 });
    expect(findLauncher({ ...variables, SLURM_STEP_NUM_TASKS: '2' })).to.not.have.property('connection');
  });

  it('is none in the script of a Slurm job, nor for a step of one task without PMIx', () => {
    expect(sees({ SLURM_NTASKS: '8', SLURM_PROCID: '0' })).to.equal(undefined);
    expect(sees({ SLURM_STEP_NUM_TASKS: '1', SLURM_PROCID: '0' })).to.equal(undefined);
  });

  it('is ignored if its variables are not numbers', () => {
    expect(sees({ OMPI_COMM_WORLD_SIZE: '', PMI_SIZE: 'two' })).to.equal(undefined);
  });
});

describe('an MPI library that is missing', () => {
  it('is an error that says how to install it', function () {
    if (process.platform === 'win32') return this.skip();
    const launcher = { ...alone, name: "Open MPI's mpirun", libraries: ['libno-such-mpi.so.1'] };
    expectError(
      () => loadMpi(launcher),
      Error,
      "started by Open MPI's mpirun",
      'libno-such-mpi.so.1',
      'apt-get install openmpi-bin',
      'BATCHNORM_MPI_LIBRARY',
    );
  });

  it('is an error that names the variable that forces it', function () {
    if (process.platform === 'win32') return this.skip();
    for (const [path, reason] of [
      ['/no/such/library.so', '/no/such/library.so'],
      ['libm.so.6', 'libm.so.6 has no MPI_'],
    ] as const) {
      if (path.startsWith('libm.') && process.platform !== 'linux') continue;
      process.env.BATCHNORM_MPI_LIBRARY = path;
      try {
        expectError(() => loadMpi(alone), Error, 'BATCHNORM_MPI_LIBRARY names a library', reason);
      } finally {
        delete process.env.BATCHNORM_MPI_LIBRARY;
      }
    }
  });
});

describe('the state of another process', function () {
  it('is known on Linux', function () {
    if (process.platform !== 'linux') return this.skip();
    expect(describeProcess(process.pid)).to.equal('is running');
    expect(describeProcess(2 ** 22 + 1)).to.equal('has ended');
  });
});
