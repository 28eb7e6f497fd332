// Finds the launcher of this process by the environment variables that it sets.

/** A launcher of MPI jobs. */
export interface Launcher {
  /** Its name in messages. */
  readonly name: string;
  readonly rank: number;
  /** The number of all processes, or of those on this machine where the launcher gives no other number. */
  readonly size: number;
  /** The descriptor of its connection, which has to be a socket. */
  readonly connection?: number;
  /** The MPI libraries that belong to it, in order of preference. */
  readonly libraries: readonly string[];
  /** How to get them. */
  readonly install: string;
}

const darwin = process.platform === 'darwin';

/** Names of a library for the dynamic loader, and the folders that it does not search by itself. */
function files(name: string, version: number, folders: readonly string[]): string[] {
  const file = darwin ? `${name}.${version}.dylib` : `${name}.so.${version}`;
  const prefixes = darwin ? ['/opt/homebrew/lib/', '/usr/local/lib/'] : folders;
  return [file, ...prefixes.map((prefix) => `${prefix}${file}`)];
}

const openMpi = files('libmpi', 40, ['/usr/lib64/openmpi/lib/']);
const mpich = [...files('libmpich', 12, []), ...files('libmpi', 12, ['/usr/lib64/mpich/lib/'])];
const standard = [...files('libmpi_abi', 1, []), ...files('libmpi_abi', 0, [])];

const installOpenMpi =
  'apt-get install openmpi-bin (Debian, Ubuntu), dnf install openmpi (Fedora, RHEL) or brew install open-mpi (macOS)';
const installMpich =
  'apt-get install mpich (Debian, Ubuntu), dnf install mpich (Fedora, RHEL) or brew install mpich (macOS)';
const installAny = 'apt-get install openmpi-bin or apt-get install mpich (Debian, Ubuntu)';

/** Reads the variables of the launchers; undefined for a process that was started alone. */
export function findLauncher(environment: NodeJS.ProcessEnv): Launcher | undefined {
  const count = (variable: string) => {
    const text = environment[variable] ?? '';
    return /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const slurmSize = count('SLURM_STEP_NUM_TASKS');
  const slurmRank = count('SLURM_PROCID') ?? 0;

  const openMpiSize = count('OMPI_COMM_WORLD_SIZE');
  if (openMpiSize !== undefined) {
    return {
      name: "Open MPI's mpirun",
      rank: count('OMPI_COMM_WORLD_RANK') ?? 0,
      size: openMpiSize,
      libraries: [...openMpi, ...standard],
      install: installOpenMpi,
    };
  }
  // With -pmi-port, MPICH's mpiexec does not tell the number of all processes.
  const portSize = environment.PMI_PORT === undefined ? undefined : (count('MPI_LOCALNRANKS') ?? 1);
  const pmiSize = count('PMI_SIZE') ?? count('MV2_COMM_WORLD_SIZE') ?? portSize;
  if (pmiSize !== undefined) {
    const connection = slurmSize === undefined ? count('PMI_FD') : undefined;
    return {
      name: slurmSize === undefined ? "MPICH's mpiexec" : 'srun',
      rank: count('PMI_RANK') ?? count('MV2_COMM_WORLD_RANK') ?? count('PMI_ID') ?? 0,
      size: pmiSize,
      ...(connection === undefined ? {} : { connection }),
      libraries: [...mpich, ...standard],
      install: installMpich,
    };
  }
  if (slurmSize !== undefined && (slurmSize > 1 || environment.PMIX_RANK !== undefined)) {
    return {
      name: 'srun',
      rank: slurmRank,
      size: slurmSize,
      libraries: [...openMpi, ...standard, ...mpich],
      install: `${installOpenMpi}, and pass --mpi=pmix to srun, or --mpi=pmi2 for MPICH`,
    };
  }
  return undefined;
}

/** A job of one process, which `connect({ transport: 'mpi' })` assumes without a launcher. */
export const alone: Launcher = {
  name: 'no launcher',
  rank: 0,
  size: 1,
  libraries: [...openMpi, ...mpich, ...standard],
  install: installAny,
};
