// A worker that trains until it leaves in the given way.
import { parentPort, workerData } from 'node:worker_threads';
import { backward, BatchNorm2D, Sgd, Tensor } from 'batchnorm';

/** How a worker ends: by itself after its steps, or by being terminated. */
export type Leaving = 'return' | 'exit' | 'throw' | 'terminated';

export interface MemberData {
  readonly index: number;
  readonly leaving: Leaving;
  readonly steps: number;
  /** For each worker, 1 while it is inside a call of the package. */
  readonly inside: Int32Array;
  /** For each worker, how many steps it has made. */
  readonly done: Int32Array;
}

export const exitCode = 7;

if (parentPort !== null) train(workerData as MemberData);

function train({ index, leaving, steps, inside, done }: MemberData): void {
  // Large enough to use the thread pool, for which the workers compete.
  const x = Tensor.randn([4, 8, 64, 64]);
  const bn = new BatchNorm2D(8);
  const sgd = new Sgd({ lr: 0.01 });
  for (let step = 0; leaving === 'terminated' || step < steps; step++) {
    Atomics.store(inside, index, 1);
    sgd.update(bn, backward(bn.forwardMut(x.trace()).square().mean()));
    Atomics.store(inside, index, 0);
    Atomics.add(done, index, 1);
  }
  if (leaving === 'exit') process.exit(exitCode);
  if (leaving === 'throw') throw new Error('thrown on purpose');
}
