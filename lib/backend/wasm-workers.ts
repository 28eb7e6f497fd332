import { isMainThread, Worker } from 'node:worker_threads';
import { usableCpus } from './usable-cpus.js';
import type { ThreadHost } from './wasm/threads.js';

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

/** Whether Node's permission model lets this process start workers. */
function mayStartWorkers(): boolean {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  return permission?.has('worker') ?? true;
}

/**
 * Threads of the WebAssembly backend as workers; undefined where workers are forbidden.
 * @param threads The number of threads that is forced. Otherwise the main thread uses the processors, and a worker of a
 * user, which usually has several, only itself.
 */
export function workerHost(threads: number | undefined): ThreadHost | undefined {
  if (!mayStartWorkers()) return undefined;
  const cpus = usableCpus();
  return {
    usableCpus: cpus,
    threads: threads ?? (isMainThread ? Math.min(cpus, maxInitialThreads) : 1),
    start(thread, ended) {
      try {
        const worker = new Worker(program, {
          ...{ eval: true, name: 'batchnorm', workerData: thread },
          // Without what this process preloads, which may have side effects.
          ...{ execArgv: [], env: {} },
        });
        worker.unref();
        // The end of a thread is no error: the others do its share.
        worker.on('error', () => undefined);
        worker.on('exit', ended);
        return () => void worker.terminate();
      } catch {
        return undefined;
      }
    },
  };
}
