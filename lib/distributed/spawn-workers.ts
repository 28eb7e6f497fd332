import { setEnvironmentData, Worker } from 'node:worker_threads';
import { backend } from '../backend/index.js';
import { type FilePath, readPath } from '../io/files/path.js';
import {
  plainError,
  requireOptions,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { createSharedState, markEnded, type SharedState } from './shared-state.js';

/** Options of `spawnWorkers`. */
export interface SpawnOptions {
  /** The value of `workerData` of `node:worker_threads` in every worker. */
  readonly workerData?: unknown;
  /** Receives what a worker passes to `parentPort.postMessage`. */
  readonly onMessage?: (message: unknown, rank: number) => void;
}

/** The place of a worker in its group, where `connect` finds it. */
export interface Membership {
  readonly state: SharedState;
  readonly rank: number;
  /** The worker's share of the threads. */
  readonly threads: number;
}

/** Name of the environment data of a worker; the same for every copy of the package. */
export const membershipKey = 'batchnorm.group';

const maxWorkers = 256;

/** Milliseconds that the other workers have to report errors after one has failed. */
const grace = 2000;

/**
 * Runs a program in several worker threads, which form a group: `connect()` in the program returns it. The threads
 * of this process are divided among the workers. The calling thread is not a member; its event loop has
 * to stay free, because it tells the workers when one of them ends.
 *
 * @param count The number of workers, at most 256.
 * @param file The program, as a path or a `file:` URL.
 * @returns A promise that resolves when every worker has ended with exit code 0. Otherwise it rejects once all have
 * ended, with the first error that is not about another worker's end or that `onMessage` throws; the workers that still
 * run two seconds after the first error are terminated.
 */
export async function spawnWorkers(count: number, file: FilePath, options?: SpawnOptions): Promise<void> {
  if (arguments.length > 3) requireNoSurplus('spawnWorkers', 3, arguments);
  const size = requirePositiveInteger('count', count);
  if (size > maxWorkers) throw wrongValue('count', `an integer from 1 to ${maxWorkers}`, String(size));
  const path = readPath('file', file);
  const { workerData, onMessage } = requireOptions('options', options, ['workerData', 'onMessage']);
  if (onMessage !== undefined && typeof onMessage !== 'function') {
    throw wrongType('options.onMessage', 'a function', onMessage);
  }
  const state = createSharedState(size);
  const threads = Math.max(1, Math.floor(backend.info.threads / size));
  const workers: Worker[] = [];
  const failures: Failure[] = [];
  const fail = (failure: Failure): void => {
    failures.push(failure);
    if (failures.length === 1) endAll(workers);
  };
  const endings = Array.from({ length: size }, async (_, rank) => {
    try {
      const worker = startWorker(path, workerData, { state, rank, threads });
      workers.push(worker);
      if (onMessage !== undefined) {
        worker.on('message', (message: unknown) => {
          try {
            (onMessage as NonNullable<SpawnOptions['onMessage']>)(message, rank);
          } catch (error) {
            fail({ error, aboutPeer: false });
          }
        });
      }
      await ending(worker, state, rank, fail);
    } catch (error) {
      fail({ error, aboutPeer: false });
    }
  });
  await Promise.all(endings);
  // A worker that lost a peer may report that before the peer itself has ended.
  const cause = failures.find(({ aboutPeer }) => !aboutPeer) ?? failures[0];
  if (cause !== undefined) throw cause.error;
}

interface Failure {
  readonly error: unknown;
  /** Whether the worker failed because another one had ended. */
  readonly aboutPeer: boolean;
}

/** Ends the workers that do not end by themselves, since their group has lost a member. */
function endAll(workers: readonly Worker[]): void {
  const timer = setTimeout(() => {
    for (const worker of workers) void worker.terminate();
  }, grace);
  timer.unref();
}

function startWorker(path: string, workerData: unknown, membership: Membership): Worker {
  // Environment data instead of workerData, which belongs to the program. It is copied when the worker is made.
  setEnvironmentData(membershipKey, membership);
  try {
    return new Worker(path, { workerData });
  } catch (error) {
    // A DOMException, which names neither the function nor the option.
    if ((error as Error).name !== 'DataCloneError') throw error;
    throw wrongType('options.workerData', 'a value that can be cloned', workerData);
  } finally {
    setEnvironmentData(membershipKey, undefined);
  }
}

/** Resolves when a worker has ended, after telling the others and reporting what failed, as soon as it is known. */
function ending(
  worker: Worker,
  state: SharedState,
  rank: number,
  fail: (failure: Failure) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let failed = false;
    worker.once('error', (thrown: unknown) => {
      failed = true;
      const error = thrown ?? plainError('ERR_BATCHNORM_PEER', `Rank ${rank} of the workers threw ${thrown}`);
      fail({ error, aboutPeer: (thrown as { code?: unknown } | null)?.code === 'ERR_BATCHNORM_PEER' });
      markEnded(state, rank, 1);
    });
    worker.once('exit', (code) => {
      markEnded(state, rank, code);
      if (!failed && code !== 0) {
        const message = `Rank ${rank} of the workers ended with exit code ${code}`;
        fail({ error: plainError('ERR_BATCHNORM_PEER', message), aboutPeer: false });
      }
      resolve();
    });
  });
}
