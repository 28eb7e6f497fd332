// The process exits while a call of the addon blocks, in a worker or on the main thread.
import { setTimeout } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Tensor } from 'batchnorm';
import { hooks } from './hooks.js';

const where = isMainThread ? process.argv[2] : (workerData as string);

if (where === 'worker') {
  new Worker(new URL(import.meta.url), { workerData: 'main' });
  // The worker is inside the call by then; otherwise the process would end and the test fail.
  await setTimeout(3000);
  process.exit(3);
}
const x = Tensor.ones([64, 64]);
hooks().hangAtAttempt(1);
x.matmul(x);
