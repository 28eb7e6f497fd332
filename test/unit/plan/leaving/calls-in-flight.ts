// node calls-in-flight.js <way> <delay>: leaves in this way, some setImmediate rounds after starting calls of plans. Also as
// a worker, which says when it has started its calls.
import { parentPort } from 'node:worker_threads';
import { compile, Conv2D, ReLU, Sequential, Tensor } from 'batchnorm';

const [, , way, delay] = process.argv;
const x = Tensor.ones([2, 8, 24, 24]);

function plan() {
  const layers = Array.from({ length: 12 }, () => [new Conv2D(8, 8, 3, { padding: 1 }), new ReLU()]).flat();
  return compile(new Sequential(...(layers as unknown as [])), [2, 8, 24, 24], { concurrency: 2 });
}

function start(): Promise<unknown>[] {
  const calls = [plan(), plan()].flatMap((each) => Array.from({ length: 6 }, () => each.run(x as never)));
  for (const call of calls) call.catch(() => undefined);
  return calls;
}

/** Starts calls whose plans, inputs and promises nothing refers to any more, and collects garbage while they run. */
async function abandon(): Promise<void> {
  void start();
  for (let i = 0; i < Number(delay); i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

if (way === 'idle') {
  await Promise.all(start());
} else if (way === 'collect') {
  const calls = start();
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  for (let i = 0; i < 5; i++) {
    await Promise.all(start());
    globalThis.gc?.();
  }
} else if (way === 'abandon') {
  for (let i = 0; i < 3; i++) await abandon();
  globalThis.gc?.();
} else if (way === 'reject') {
  void start();
  for (let i = 0; i < Number(delay); i++) await new Promise((resolve) => setImmediate(resolve));
  // Nobody handles it.
  void plan().run(x, { signal: AbortSignal.abort(new Error('unhandled')) });
} else {
  const calls = start();
  if (way === 'wait') {
    // Nothing but the calls keeps the process running.
    void Promise.all(calls).then(() => {
      process.exitCode = 5;
    });
  } else {
    for (let i = 0; i < Number(delay); i++) await new Promise((resolve) => setImmediate(resolve));
    parentPort?.postMessage('started');
    if (way === 'exit') process.exit(3);
    // Until it is terminated.
    for (;;) await Promise.all(start());
  }
}
