// node program.js PART: computes on threads of the WebAssembly backend, and ends in one of several ways.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { backend, setNumThreads, Tensor } from 'batchnorm';

const x = Tensor.zeros([2 ** 21]);

function compute(): void {
  x.exp().dispose();
}

/** The threads of this process, of which the library's have a name in V8 only. */
const threads = (): number => readdirSync('/proc/self/task').length;

/** Terminates a worker while its threads compute, and resolves once they have ended, too. */
async function terminateWorker(): Promise<void> {
  const before = threads();
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: 'computing' });
  await once(worker, 'message');
  const [during] = [threads()];
  await worker.terminate();
  console.log(JSON.stringify({ started: during - before }));
  // The system counts a thread for a moment after it was joined.
  while (threads() > before) await setTimeout(5);
}

async function main(part: string): Promise<void> {
  for (let i = 0; i < 20; i++) compute();
  if (part === 'exit') process.exit(3);
  if (part === 'throw') throw new Error('thrown on purpose');
  if (part === 'exit handler') process.on('exit', compute);
  if (part === 'worker') await terminateWorker();
  if (part === 'unsettled') await new Promise(() => undefined);
  if (part === 'threads') console.log(JSON.stringify(backend));
}

if (isMainThread) {
  await main(process.argv[2]);
} else if (workerData === 'computing') {
  setNumThreads(3);
  for (let i = 0; i < 20; i++) compute();
  parentPort?.postMessage('computing');
  for (;;) compute();
}
