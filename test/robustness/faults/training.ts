// Training steps in which allocations of every part may fail: the part is then retried, and the failed attempt must
// have changed nothing.
import { createHash } from 'node:crypto';
import {
  Adam,
  backward,
  BatchNorm2D,
  type CanUpdateWithGradients,
  Flatten2D,
  FrozenBatchNorm2D,
  type Gradients,
  Linear,
  type OwnedTape,
  ReLU,
  Residual,
  RMSprop,
  Sequential,
  Sgd,
  type Shape,
  Tensor,
} from 'batchnorm';
import { statisticsIn } from '#lib/nn/norm/running-statistics';
import { storageOf } from '#lib/tensor';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

/** A reproducible network with its optimizer and data. */
export interface Training {
  readonly network: CanUpdateWithGradients;
  readonly forward: () => Tensor<Shape, OwnedTape>;
  readonly update: (gradients: Gradients) => void;
  readonly infer: () => Tensor<Shape>;
}

interface Optimizer {
  update(module: CanUpdateWithGradients, gradients: Gradients): void;
}

function training(
  network: CanUpdateWithGradients,
  optimizer: Optimizer,
  forward: () => Tensor<Shape, OwnedTape>,
  infer: () => Tensor<Shape>,
): Training {
  const update = (gradients: Gradients) => {
    optimizer.update(network, gradients);
  };
  return { network, forward, update, infer };
}

/** The optimizers, which allocate different state. */
export const trainingRuns = {
  /** Channels and columns, so that the kernels need working space. */
  many: () => {
    const random = seeded(3);
    const linear = new Linear(400, 270);
    linear.resetParams(random);
    const network = new Sequential(new BatchNorm2D(400), new ReLU(), new Flatten2D(), linear);
    const x = Tensor.from(values(random, 3 * 400), [3, 400, 1, 1]);
    return training(
      network,
      new Adam({ lr: 0.01 }),
      () => network.forwardMut(x.trace()),
      () => network.forward(x),
    );
  },
  residual: () => {
    const random = seeded(4);
    const block = new Residual(new Sequential(new BatchNorm2D(3), new ReLU()));
    const network = new Sequential(block, new BatchNorm2D(3));
    const x = Tensor.from(values(random, 2 * 3 * 80 * 9), [2, 3, 80, 9]);
    return training(
      network,
      new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 }, weightDecay: 1e-3 }),
      () => network.forwardMut(x.trace()),
      () => network.forward(x),
    );
  },
  frozen: () => {
    const random = seeded(5);
    const trained = new BatchNorm2D(5);
    trained.forwardMut(Tensor.from(values(random, 80), [4, 5, 2, 2]).trace());
    const network = new Sequential(FrozenBatchNorm2D.from(trained, { trainable: true }), new BatchNorm2D(5));
    const x = Tensor.from(values(random, 80), [4, 5, 2, 2]);
    return training(
      network,
      new RMSprop({ lr: 0.1, momentum: 0.9, centered: true }),
      () => network.forwardMut(x.trace()),
      () => network.forward(x),
    );
  },
};

/** Two channels of a million values, which threads share in chunks. */
export function largeTraining(): Training {
  const shape = [70, 2, 128, 128] as const;
  const norm = new BatchNorm2D(2);
  const x = Tensor.from(values(seeded(6), 70 * 2 * 128 * 128), shape);
  return training(
    norm,
    new Sgd({ lr: 0.1, momentum: 0.9 }),
    () => norm.forwardMut(x.trace()),
    () => norm.forward(x),
  );
}

/** The complete state of a module, as a hash. */
function stateOf({ network }: Training): string {
  const hash = createHash('sha256');
  for (const [, tensor] of network.parameters()) hash.update(storageOf(tensor).values);
  return hash.update(JSON.stringify(batchesIn(network))).digest('hex');
}

/** The batch count of each batch norm layer. */
function batchesIn(network: CanUpdateWithGradients): number[] {
  return statisticsIn(network).map((owner) => owner.batches());
}

/** Two steps and inference without failures. */
export function expectedOf(make: () => Training): string {
  return run(make(), (part) => part());
}

/** Calls each part of a step through `attempt`, which retries it after a failed allocation. */
export function run(given: Training, attempt: <R>(part: () => R) => R): string {
  const guarded = <R>(part: () => R): R => {
    const before = stateOf(given);
    return attempt(() => {
      // Also before the second attempt.
      expect(stateOf(given)).to.equal(before);
      return part();
    });
  };
  for (let step = 0; step < 2; step++) {
    const y = guarded(given.forward);
    const squares = guarded(() => y.square());
    const loss = guarded(() => squares.mean());
    const gradients = guarded(() => backward(loss));
    guarded(() => {
      given.update(gradients);
    });
  }
  const inferred = guarded(given.infer);
  const sum = guarded(() => inferred.sum().item());
  return JSON.stringify([stateOf(given), sum]);
}

/** The error of a failed allocation; other errors are rethrown. */
export function refusal(error: unknown): RangeError {
  if (!(error instanceof RangeError) || !error.message.startsWith('Out of memory')) throw error;
  return error;
}
