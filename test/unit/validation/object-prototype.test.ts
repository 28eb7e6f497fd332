import { inspect } from 'node:util';
import {
  Adam,
  BatchNorm2D,
  Conv2D,
  cosineSchedule,
  DataLoader,
  Dropout,
  FrozenBatchNorm2D,
  huberLoss,
  moduleFromJSON,
  oneCycleSchedule,
  RMSprop,
  Sgd,
  Tensor,
} from 'batchnorm';
import { batchNormInference, batchNormTraining } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

const raw = {
  ...{ x: Float32Array.of(-1, 1), shape: [2, 1, 1, 1] as const },
  ...{ scale: Float32Array.of(1), bias: Float32Array.of(0) },
};
const running = () => ({ runningMean: Float32Array.of(0), runningVar: Float32Array.of(1) });

/** Calls without options, whose results would depend on inherited options. */
const withDefaults: Readonly<Record<string, () => unknown>> = {
  BatchNorm2D: () => new BatchNorm2D(2),
  'BatchNorm2D with an epsilon': () => new BatchNorm2D(2, { epsilon: 0.25 }),
  FrozenBatchNorm2D: () => new FrozenBatchNorm2D(2),
  Conv2D: () => new Conv2D(1, 1, 3, { rng: () => 0.5 }),
  Dropout: () => new Dropout(0.5),
  Sgd: () => new Sgd({ lr: 0.1 }),
  'Sgd with Nesterov momentum': () => new Sgd({ momentum: { nesterov: 0.5 } }),
  Adam: () => new Adam(),
  RMSprop: () => new RMSprop({}),
  cosineSchedule: () => cosineSchedule({ lr: 1, steps: 10 })(3),
  oneCycleSchedule: () => oneCycleSchedule({ lr: 1, steps: 10 })(3),
  huberLoss: () => huberLoss(Tensor.from([3], [1]), Tensor.zeros([1])).item(),
  DataLoader: () => new DataLoader({ features: new Uint8Array(5), shape: [1] }, { batchSize: 2 }).length,
  batchNormInference: () => String(batchNormInference({ ...raw, ...running() })),
  batchNormTraining: () => {
    const given = running();
    const { y } = batchNormTraining({ ...raw, ...given });
    return [y, given.runningMean, given.runningVar].map(String).join();
  },
  'batchNormTraining without running statistics': () => String(batchNormTraining(raw).y),
};

const names = {
  ...{ epsilon: 5, momentum: 0.5, lr: 7, nesterov: 0.25, betas: [0.5, 0.5], weightDecay: 0.5, alpha: 0.5 },
  ...{ centered: true, trainable: true, stride: 2, padding: 2, bias: false, rng: () => 0.25, delta: 0.125 },
  ...{ warmup: 2, final: 0.5, rise: 0.5, startDivisor: 3, finalDivisor: 3, dropLast: true, shuffle: true },
  ...{ runningMean: Float32Array.of(9), runningVar: Float32Array.of(9), types: 5 },
};

/** Runs `act` while every object inherits these values. */
function withPollutedPrototype<R>(enumerable: boolean, act: () => R): R {
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(Object.prototype, name, { value, enumerable, configurable: true });
  }
  try {
    return act();
  } finally {
    for (const name of Object.keys(names)) Reflect.deleteProperty(Object.prototype, name);
  }
}

describe('properties of Object.prototype are not used as options', () => {
  for (const [name, make] of Object.entries(withDefaults)) {
    it(name, () => {
      const expected = inspect(make());
      expect(withPollutedPrototype(true, () => inspect(make()))).to.equal(expected);
    });
  }

  it('even if they are not enumerable', () => {
    const found = withPollutedPrototype(false, () => inspect(new Sgd({ lr: 0.1 })));
    expect(found).to.equal(inspect(new Sgd({ lr: 0.1 })));
  });

  it('or as fields of JSON', () => {
    const json = JSON.parse(JSON.stringify(new BatchNorm2D(1))) as Record<string, unknown>;
    delete json.epsilon;
    expectError(() => withPollutedPrototype(true, () => moduleFromJSON(json)), TypeError, 'json.epsilon');
  });
});
