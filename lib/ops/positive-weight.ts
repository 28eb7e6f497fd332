import { freshFloats } from '../backend/allocation.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { readNumbers } from '../core/number-arrays.js';
import { formatShape, sameShape, type Shape } from '../core/shape.js';
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

/**
 * Binary cross entropy whose first term is weighted: -w * t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)). The two
 * logarithms are the losses against targets of 1 and 0, so that each is as accurate as without a weight.
 */
export function weightedBinaryCrossEntropy(weights: AnyTensor, shape: Shape): LossSum {
  return (n, factor, { x, target, losses, gradient }) => {
    const side = (value: number) => {
      const against = named('target', freshFloats('working space', n).fill(value));
      const loss = freshFloats('working space', n);
      const slope = gradient === null ? null : freshFloats('working space', n);
      const outputs = [named('losses', loss), slope === null ? null : named('gradient', slope)] as const;
      backend.binaryCrossEntropy(n, 0, 1, x.named('x'), against, ...outputs);
      return { loss, slope: slope ?? loss };
    };
    const [positive, negative] = [side(1), side(0)];
    const { values: t } = target;
    return withWeights(weights, shape, (w) => {
      const stride = w.length === 1 ? 0 : 1;
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const above = w[i * stride] * t[i];
        const below = 1 - t[i];
        // A term of weight 0 adds 0 even if its logarithm is infinite.
        const loss =
          (above === 0 ? 0 : above * positive.loss[i]) + (below === 0 ? 0 : below * negative.loss[i]);
        sum += loss;
        if (losses !== null) losses.values[i] = factor * loss;
        if (gradient !== null) {
          gradient.values[i] = factor * (above * positive.slope[i] + below * negative.slope[i]);
        }
      }
      return sum;
    });
  };
}

/** Calls a function with one weight, or with one for each logit. */
function withWeights(weights: AnyTensor, shape: Shape, use: (values: Float32Array) => number): number {
  const { values } = storageOf(weights);
  if (values.length === 1) return use(values);
  return withShape(shape, [weights], ([each]) => use(storageOf(each).values));
}
