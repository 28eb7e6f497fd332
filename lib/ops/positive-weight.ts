import { backend } from '../backend/index.js';
import { readNumbers } from '../core/number-arrays.js';
import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, isTensor, storageOf, type Tensor } from '../core/tensor.js';
import type { NumberArray } from '../validation/typed-array.js';
import { requireNonNegative, wrongShape, wrongType } from '../validation/errors.js';
import { readRight } from './arithmetic.js';
import { broadcastShape, withShape } from './broadcast.js';
import { requireUntaped } from './class-targets.js';
import type { LossSum } from './element-loss.js';
import type { AnyTensor } from './operand.js';

/** A number, one for each place of the last axis, or a tensor that broadcasts to the logits. */
export type PositiveWeight = number | NumberArray | readonly number[] | Tensor<Shape>;

/** Reads the weight of positive targets. @throws TypeError or RangeError unless it is non-negative and fits the logits. */
export function readPositiveWeight(value: unknown, shape: Shape): AnyTensor {
  const weights = tensorOf(value);
  if (!sameShape(broadcastShape(shape, weights.shape, 'posWeight'), shape)) {
    const expected = `a shape that broadcasts to that of the logits, ${formatShape(shape)}`;
    throw wrongShape('posWeight', expected, `shape ${formatShape(weights.shape)}`);
  }
  const { values } = storageOf(weights);
  values.forEach((each, i) => {
    requireNonNegative(values.length === 1 ? 'posWeight' : `posWeight[${i}]`, each);
  });
  return weights;
}

function tensorOf(value: unknown): AnyTensor {
  if (isTensor(value)) {
    requireUntaped('posWeight', value);
    return value;
  }
  if (typeof value === 'number') return readRight('posWeight', value);
  if (typeof value !== 'object')
    throw wrongType('posWeight', 'a number, an array of numbers or a Tensor', value);
  const numbers = Float32Array.from(readNumbers('posWeight', value));
  const shape = Object.freeze([numbers.length]);
  return createTensor<Shape, NoneTape>(shape, Storage.adopt(numbers, shape), undefined);
}

/** Binary cross entropy whose first term is weighted: -w * t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)). */
export function weightedBinaryCrossEntropy(weights: AnyTensor, shape: Shape): LossSum {
  return (n, factor, { x, target, losses, gradient }) =>
    withWeights(weights, shape, (weight) =>
      backend.weightedBinaryCrossEntropy(
        n,
        factor,
        x.named('x'),
        target.named('target'),
        weight.named('weight'),
        losses?.named('losses') ?? null,
        gradient?.named('gradient') ?? null,
      ),
    );
}

/** Calls a function with a weight for each logit. */
function withWeights(weights: AnyTensor, shape: Shape, use: (weight: Storage) => number): number {
  if (sameShape(weights.shape, shape)) return use(storageOf(weights));
  if (elementCount(weights.shape) > 1) {
    return withShape(shape, [weights], ([each]) => use(storageOf(each)));
  }
  const repeated = Storage.take(elementCount(shape));
  try {
    repeated.values.fill(storageOf(weights).values[0]);
    return use(repeated);
  } finally {
    repeated.release();
  }
}
