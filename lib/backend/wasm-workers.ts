import { performance } from 'node:perf_hooks';
import { isMainThread, Worker } from 'node:worker_threads';
import { usableCpus } from './usable-cpus.js';
import type { ThreadHost, ThreadStart } from './wasm/threads.js';

/** Threads that an instance uses unless it is told otherwise. Each holds a worker of Node, which takes megabytes. */
const maxInitialThreads = 8;

/**
 * The program of a worker. As a text, because bundlers would lose a file. It needs nothing of the thread that started it
 * but its memory, so it also runs while that thread computes.
 */
const program = `
const { workerData: { module, memory, number, stack } } = require('node:worker_threads');
const imports = { env: { memory, startThread: () => 0, milliseconds: () => performance.now() } };
const { exports } = new WebAssembly.Instance(module, imports);
exports.__stack_pointer.value = stack;
try {
  exports.runThread(number);
} catch {
  exports.__stack_pointer.value = stack;
  exports.threadHasTrapped();
}
`;

// Tests replace functions of `performance`, and with time that stands still, threads would spin forever.
const milliseconds = performance.now.bind(performance);

/**
 * A thread of the module. Programs get hold of it by `process.on('worker')` and may kill it, on the thread that computes and
 * so between two operations. Nothing else kills it while that thread keeps running: it allocates no lasting JavaScript memory.
 */
class ModuleThread extends Worker {
  readonly #killed: () => void;

  constructor(thread: ThreadStart, killed: () => void) {
    super(program, {
      ...{ eval: true, name: 'batchnorm', workerData: thread },
      // Without what this process preloads, which may have side effects.
      ...{ execArgv: [], env: {} },
    });
    this.#killed = killed;
  }

  override terminate(): Promise<number> {
    this.#killed();
    return this.stop();
  }

  stop(): Promise<number> {
    return super.terminate();
  }
}

/** Whether workers run while this thread computes, which those of Bun and Deno do not, and may be started. */
function hasWorkers(): boolean {
  if ('bun' in process.versions || 'deno' in process.versions) return false;
  // Of Node's permission model.
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  return permission?.has('worker') ?? true;
}

/**
 * Threads of the WebAssembly backend as workers; undefined where there are none.
 * @param threads The number of threads that is forced. Otherwise the main thread uses the processors, and a worker of a
 * user, which usually has several, only itself.
 */
export function workerHost(threads: number | undefined): ThreadHost | undefined {
  if (!hasWorkers()) return undefined;
  const cpus = usableCpus();
  return {
    usableCpus: cpus,
    threads: threads ?? (isMainThread ? Math.min(cpus, maxInitialThreads) : 1),
    milliseconds,
    start(thread, ended, killed) {
      try {
        const worker = new ModuleThread(thread, killed);
        worker.unref();
        // The end of a thread is no error: the others do its share.
        worker.on('error', () => undefined);
        worker.on('exit', ended);
        return () => void worker.stop();
      } catch {
        return undefined;
      }
    },
  };
}
