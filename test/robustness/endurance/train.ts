// A long training that records its use of system resources. Runs as a program, node train.js (small | large) STEPS, or
// as a worker with the same data, which posts its result.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Adam, backward, BatchNorm2D, ReLU, Sequential, storagePool, Tensor } from 'batchnorm';
import { storageOf } from '#lib/tensor';
import { seeded, values } from '../../support/random.js';

/** The resources of the process after a number of steps. */
export interface Sample {
  readonly step: number;
  /** Resident bytes. */
  readonly rss: number;
  /** Bytes in the pool. */
  readonly pool: number;
  /** Open files, if the system reports them. */
  readonly files: number;
  readonly threads: number;
  /** Resources that keep the event loop alive. */
  readonly resources: number;
}

export interface EnduranceResult {
  readonly samples: readonly Sample[];
  /** Hash of all parameters and statistics at the end. */
  readonly hash: string;
  readonly finite: boolean;
}

type Shape4D = readonly [number, number, number, number];

const shapes: { readonly small: Shape4D; readonly large: Shape4D } = {
  small: [4, 3, 2, 2],
  large: [16, 32, 56, 56],
};

export type Size = keyof typeof shapes;

/** The data of a worker. */
export interface EnduranceData {
  readonly size: Size;
  readonly steps: number;
}

/** Number of samples of a training run. */
const sampleCount = 200;

const entriesOf = (path: string) => (process.platform === 'linux' ? readdirSync(path).length : 0);

export function train({ size, steps }: EnduranceData): EnduranceResult {
  const [images, channels, rows, columns] = shapes[size];
  const random = seeded(21);
  const x = Tensor.from(values(random, images * channels * rows * columns, 2, 5), shapes[size]);
  const network = new Sequential(new BatchNorm2D(channels), new ReLU(), new BatchNorm2D(channels));
  const adam = new Adam({ lr: 1e-4 });
  const samples: Sample[] = [];
  const every = Math.max(1, Math.floor(steps / sampleCount));
  for (let step = 1; step <= steps; step++) {
    adam.update(network, backward(network.forwardMut(x.trace()).square().mean()));
    if (step % every !== 0) continue;
    samples.push({
      step,
      rss: process.memoryUsage.rss(),
      pool: storagePool.bytes,
      files: entriesOf('/proc/self/fd'),
      threads: entriesOf('/proc/self/task'),
      resources: process.getActiveResourcesInfo().length,
    });
  }
  const hash = createHash('sha256');
  let finite = true;
  for (const [, tensor] of network.parameters()) {
    const { values: all } = storageOf(tensor);
    hash.update(all);
    finite &&= all.every(Number.isFinite);
  }
  return { samples, hash: hash.digest('hex'), finite };
}

const [, file, size, steps] = process.argv;
if (!isMainThread) {
  parentPort?.postMessage(train(workerData as EnduranceData));
} else if (size !== undefined && file.endsWith('endurance/train.js')) {
  console.log(JSON.stringify(train({ size: size as Size, steps: Number(steps) })));
}
