// A training run whose result is a hash of the outputs of each step and of all final parameters and statistics. Runs as a
// program, node train.js [steps], or as a worker with { steps }.
//
// DETERMINISM_MACHINE='{"caches":[l1,l2,last],"share":elements}' fakes another machine, with the addon of
// `npm run determinism`.
import { createHash } from 'node:crypto';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import {
  Adam,
  backward,
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  Flatten2D,
  Linear,
  ReLU,
  Residual,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { storageOf } from '#lib/tensor';
import { hooks } from '../../robustness/hooks/hooks.js';
import { seeded, values } from '../../support/random.js';

const shape = [12, 6, 13, 11] as const;

/** The hash after the given number of steps. */
export function trainingHash(steps: number): string {
  const hash = createHash('sha256');
  const random = seeded(11);
  const [images, channels, rows, columns] = shape;
  const length = images * channels * rows * columns;
  const linear = new Linear(channels * rows * columns, 5);
  linear.resetParams(random);
  const block = new Residual(new Sequential(new BatchNorm2D(channels), new ReLU()));
  const norm = new BatchNorm2D(channels, { momentum: 'cumulative' });
  const network = new Sequential(block, norm, new Flatten2D(), linear);
  const batches = [0, 1, 2].map(() => Tensor.from(values(random, length, 3, 20), shape));
  const classes = Array.from({ length: images }, (_, i) => i % 5);
  const adam = new Adam({ lr: 1e-3 });
  const sgd = new Sgd({ lr: 1e-3, momentum: 0.9 });
  for (let step = 0; step < steps; step++) {
    const logits = network.forwardMut(batches[step % batches.length].trace());
    const loss = crossEntropyWithLogitsLoss(logits, classes);
    if (!Number.isFinite(loss.item())) throw new Error(`The loss is ${loss.item()} at step ${step}`);
    hash.update(storageOf(logits).values);
    (step % 2 === 0 ? adam : sgd).update(network, backward(loss));
  }
  for (const [, tensor] of network.parameters()) hash.update(storageOf(tensor).values);
  return hash.digest('hex');
}

/** The data of a worker. */
export interface TrainData {
  readonly steps: number;
}

function fakeMachine(): void {
  const text = process.env.DETERMINISM_MACHINE;
  if (text === undefined) return;
  const { caches, share } = JSON.parse(text) as {
    caches?: [number, number, number];
    share?: number;
  };
  if (caches !== undefined) hooks().setCacheSizes(...caches);
  if (share !== undefined) hooks().setElementsPerThread(share);
}

if (!isMainThread) {
  parentPort?.postMessage(trainingHash((workerData as TrainData).steps));
} else if (process.argv[2] !== undefined && process.argv[1].endsWith('train.js')) {
  fakeMachine();
  console.log(trainingHash(Number(process.argv[2])));
}
