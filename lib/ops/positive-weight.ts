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
      const against = Storage.take(n);
      against.values.fill(value);
      const loss = Storage.take(n);
      const slope = gradient === null ? null : Storage.take(n);
      backend.binaryCrossEntropy(
        ...([n, 0, 1, x.named('x'), against.named('target'), loss.named('losses')] as const),
        slope?.named('gradient') ?? null,
      );
      against.release();
      return { loss, slope };
    };
    const [positive, negative] = [side(1), side(0)];
    const sum = withWeights(weights, shape, (w) => {
      const sides = { w, t: target.values, positive: positive.loss.values, negative: negative.loss.values };
      return combine(sides, factor, losses?.values ?? null);
    });
    if (gradient !== null && positive.slope !== null && negative.slope !== null) {
      const slopes = { positive: positive.slope.values, negative: negative.slope.values };
      withWeights(weights, shape, (w) =>
        combine({ w, t: target.values, ...slopes }, factor, gradient.values),
      );
    }
    for (const each of [positive, negative]) {
      each.loss.release();
      each.slope?.release();
    }
    return sum;
  };
}

interface Sides {
  readonly w: Float32Array;
  readonly t: Float32Array;
  readonly positive: Float32Array;
  readonly negative: Float32Array;
}

/** The sum of w * t * positive + (1 - t) * negative; each term times the factor goes to `out`. */
function combine({ w, t, positive, negative }: Sides, factor: number, out: Float32Array | null): number {
  const stride = w.length === 1 ? 0 : 1;
  let sum = 0;
  for (let i = 0; i < t.length; i++) {
    const above = w[i * stride] * t[i];
    const below = 1 - t[i];
    let term = above * positive[i] + below * negative[i];
    // A term of weight 0 adds 0 even if its logarithm is infinite. Branches on labels would be predicted badly.
    if (Number.isNaN(term)) {
      term = (above === 0 ? 0 : above * positive[i]) + (below === 0 ? 0 : below * negative[i]);
    }
    sum += term;
    if (out !== null) out[i] = factor * term;
  }
  return sum;
}

/** Calls a function with one weight, or with one for each logit. */
function withWeights(weights: AnyTensor, shape: Shape, use: (values: Float32Array) => number): number {
  const { values } = storageOf(weights);
  if (values.length === 1) return use(values);
  return withShape(shape, [weights], ([each]) => use(storageOf(each).values));
}
