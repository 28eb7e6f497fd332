import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { backend } from '../backend/index.js';
import { plainError, requireOptions, typeError, wrongType, wrongValue } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import type { Group } from './group.js';
import { alone, findLauncher } from './launcher.js';
import { mpiError } from './mpi-library.js';
import { joinMpi } from './mpi-transport.js';
import { ProcessGroup, requireTimeout } from './process-group.js';
import { SingleTransport } from './single-transport.js';
import { type Membership, membershipKey } from './spawn-workers.js';
import type { Transport } from './transport.js';
import { WorkerTransport } from './worker-transport.js';

/** Options of `connect`. */
export interface ConnectOptions {
  /**
   * The transport of the values. `'auto'`, the default, takes MPI if the process was started by `mpirun` or `srun`, the
   * group of `spawnWorkers` in one of its workers, and otherwise a group of one.
   */
  readonly transport?: 'auto' | 'mpi' | 'workers' | 'single';
  /**
   * Milliseconds that a call waits for the other ranks; 300,000 if it is missing. It has to be longer than any
   * work that a single rank does alone, such as writing a checkpoint.
   */
  readonly timeout?: number;
}

const transports = ['auto', 'mpi', 'workers', 'single'];
const defaultTimeout = 300_000;

let connected = false;
/** The group of `spawnWorkers` that this worker belongs to; read once, so that its own workers do not inherit it. */
let membership: Membership | undefined;
/** Whether this worker has joined that group, which it can do once. */
let joinedWorkers = false;

/**
 * Connects this process or worker to its group. Call it once, at the start of the program; a group that was closed
 * cannot be joined again. Nothing is connected by importing the package.
 *
 * @returns A promise of the group.
 * @throws Error with the code `ERR_BATCHNORM_BUSY` if the process or worker is connected already; TypeError with the code
 * `ERR_BATCHNORM_DISPOSED` if the worker has closed its group.
 */
export async function connect(options?: ConnectOptions): Promise<Group> {
  if (arguments.length > 1) requireNoSurplus('connect', 1, arguments);
  const given = requireOptions('options', options, ['transport', 'timeout']);
  const timeout =
    given.timeout === undefined ? defaultTimeout : requireTimeout('options.timeout', given.timeout);
  const transport = readTransport(given.transport);
  if (connected) {
    throw plainError(
      'ERR_BATCHNORM_BUSY',
      'Expected one call of connect() but the group is connected already. Pass the group on, or close it first',
    );
  }
  connected = true;
  try {
    const carrier = await open(transport, timeout);
    return new ProcessGroup(carrier, timeout, () => {
      connected = false;
    });
  } catch (error) {
    connected = false;
    throw error;
  }
}

async function open(transport: string, timeout: number): Promise<Transport> {
  const joined = takeMembership();
  if (transport === 'workers' && joined === undefined) {
    throw wrongValue(
      'options.transport',
      'a thread started by spawnWorkers()',
      '"workers" in another thread',
    );
  }
  if (joined !== undefined && (transport === 'auto' || transport === 'workers')) {
    if (joinedWorkers) {
      throw typeError(
        'ERR_BATCHNORM_DISPOSED',
        'Expected connect() while the group of workers is open but this worker has closed it, and cannot join it again',
      );
    }
    backend.ownThreads(joined.threads);
    joinedWorkers = true;
    return new WorkerTransport(joined.state, joined.rank);
  }
  const launcher = transport === 'auto' ? findLauncher(process.env) : undefined;
  if (transport === 'single' || (transport === 'auto' && launcher === undefined))
    return new SingleTransport();
  if (!isMainThread) {
    throw mpiError(
      'Expected connect() with MPI in the main thread of a process but it was called in a worker',
    );
  }
  return joinMpi(launcher ?? findLauncher(process.env) ?? alone, timeout);
}

function takeMembership(): Membership | undefined {
  const found = getEnvironmentData(membershipKey) as Membership | undefined;
  if (found !== undefined) {
    membership = found;
    setEnvironmentData(membershipKey, undefined);
  }
  return membership;
}

function readTransport(value: unknown): string {
  if (value === undefined) return 'auto';
  const expected = "'auto', 'mpi', 'workers' or 'single'";
  if (typeof value !== 'string') throw wrongType('options.transport', expected, value);
  if (!transports.includes(value)) throw wrongValue('options.transport', expected, JSON.stringify(value));
  return value;
}
