// Runs until it is killed: waits in JavaScript after using the thread pool, or stays inside calls of the addon.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { setNumThreads, Tensor } from 'batchnorm';

const where = isMainThread ? process.argv[2] : (workerData as string);
const x = Tensor.ones([512, 512]);

setNumThreads(2);
for (let i = 0; i < 3; i++) x.matmul(x).dispose();
if (where === 'worker') {
  // Its thread computes in the addon, this one waits in JavaScript.
  new Worker(new URL(import.meta.url), { workerData: 'addon' }).once('online', () => {
    process.stderr.write('begins\n');
    wait();
  });
} else {
  if (isMainThread) process.stderr.write('begins\n');
  if (where === 'addon') for (;;) x.matmul(x).dispose();
  wait();
}

function wait(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
