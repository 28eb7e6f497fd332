import { largest, roundoff } from '../../support/expect-within.js';
import type { IndexCase, OpCase, PlainOpCase, ReferenceTensor } from '../reference/read.js';

/** A case with gradients. */
export type GradientCase = Exclude<OpCase, IndexCase>;

export type Tolerance = (index: number) => number;

export interface Tolerances {
  readonly y: Tolerance;
  readonly gradients: readonly Tolerance[];
}

// The results in the file have 14 digits.
const fileRounding = 1e-13;

// Half the distance between two subnormal numbers, the rounding error below the normal range.
const subnormalRoundoff = 2 ** -150;

/** The bound for the given number of successive roundings. */
function rounded(times: number, values: readonly number[]): Tolerance {
  return (i) => Math.max((times * roundoff + fileRounding) * Math.abs(values[i]), times * subnormalRoundoff);
}

// Float32 sums in any order: relative to the sum of all magnitudes.
const sumBound = 1e-6;

/** How much the results and gradients of a case may differ from PyTorch's in float64. */
export function toleranceOf(reference: GradientCase): Tolerances {
  const { inputs, y, gradients, dy } = reference;
  if (reference.exact) return { y: () => 0, gradients: gradients.map(() => () => 0) };
  const [a] = inputs;
  const roundings = (forward: number, backward: number): Tolerances => ({
    y: rounded(forward, y.values),
    gradients: [rounded(backward, gradients[0])],
  });
  switch (reference.op) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return arithmeticTolerance(reference);
    case 'relu':
    case 'permute':
    case 'transpose':
    case 'reshape':
    case 'slice':
      return roundings(0, 0);
    case 'avg_pool_of_pixels':
    case 'adaptive_avg_pool':
      // A mean of means, and a sum over the windows of a pixel.
      return { y: () => 2 * sumBound * largest(a.values), gradients: [() => sumBound * magnitude(dy)] };
    case 'pow':
      return roundings(1, 3);
    case 'maximum':
    case 'minimum':
    case 'where':
    case 'clamp': {
      // The values are exact, and the gradients of repeated operands are sums of at most all upstream values.
      const repeated = inputs.map(({ values }) => values.length < y.values.length);
      const bound = sumBound * magnitude(dy);
      const exact = gradients.map((each) => rounded(0, each));
      return {
        y: rounded(0, y.values),
        gradients: exact.map((each, i) => (repeated[i] ? () => bound : each)),
      };
    }
    case 'concat':
    case 'stack':
      return { y: rounded(0, y.values), gradients: gradients.map((each) => rounded(0, each)) };
    case 'square':
      return roundings(1, 1);
    case 'sqrt':
      // y, then dy / y; the half is exact
      return roundings(1, 2);
    case 'exp':
      // two units in the last place are four roundings; then dy * y
      return roundings(4, 5);
    case 'log':
      return roundings(4, 1);
    case 'sum':
    case 'mean':
      return reductionTolerance(reference);
    case 'sum_axes':
    case 'mean_axes':
      return {
        y: (i) => sumBound * y.values[i],
        gradients: [rounded(reference.op === 'mean_axes' ? 1 : 0, gradients[0])],
      };
    case 'amax':
    case 'amin':
    case 'max':
    case 'min':
      // dy divided by a count
      return roundings(0, 1);
    case 'matmul':
      return matmulTolerance(reference);
    case 'linear':
      return linearTolerance(reference);
    case 'log_softmax':
      return logSoftmaxTolerance(reference);
    case 'cross_entropy_indices':
    case 'cross_entropy_probabilities':
      return {
        // The sum of the exponentials is about 1 if a class is certain: its rounding error is absolute.
        y: () => 8 * roundoff * Math.max(1, Math.abs(y.values[0])),
        // (softmax - target) * dy / N; softmax and target are at most 1
        gradients: [() => (sumBound * Math.abs(dy[0])) / a.shape[0]],
      };
  }
}

function arithmeticTolerance(reference: PlainOpCase): Tolerances {
  const { op, inputs, y, dy, gradients, broadcast } = reference;
  if (broadcast) return broadcastTolerance(reference);
  const [a, b] = inputs;
  const isProduct = op === 'mul' || op === 'div';
  // The right operand is broadcast along the left one, and its gradient is summed over the repetitions.
  const repeats = a.values.length / Math.max(1, b.values.length);
  const magnitudes = b.values.map((divisor, j) => {
    let sum = 0;
    for (let r = 0; r < repeats; r++) {
      const i = r * b.values.length + j;
      const factor = op === 'mul' ? a.values[i] : op === 'div' ? a.values[i] / divisor ** 2 : 1;
      sum += Math.abs(dy[i] * factor);
    }
    return sum;
  });
  return {
    y: rounded(1, y.values),
    gradients: [
      rounded(isProduct ? 1 : 0, gradients[0]),
      // dy * a, and two divisions by b
      repeats > 1
        ? (j) => sumBound * magnitudes[j]
        : rounded(isProduct ? (op === 'div' ? 3 : 1) : 0, gradients[1]),
    ],
  };
}

/** Both gradients are sums over the repetitions of an operand. */
function broadcastTolerance({ op, inputs, y, dy }: PlainOpCase): Tolerances {
  const indices = inputs.map(({ shape }) => repeatedIndices(shape, y.shape));
  const magnitudes = inputs.map(({ values }, operand) => {
    const sums = new Array<number>(values.length).fill(0);
    dy.forEach((upstream, i) => {
      const [a, b] = inputs.map((input, k) => input.values[indices[k][i]]);
      const left = op === 'mul' ? b : op === 'div' ? 1 / b : 1;
      const right = op === 'mul' ? a : op === 'div' ? a / b ** 2 : 1;
      sums[indices[operand][i]] += Math.abs(upstream * (operand === 0 ? left : right));
    });
    return sums;
  });
  return {
    y: rounded(1, y.values),
    gradients: magnitudes.map((sums) => (i) => sumBound * sums[i]),
  };
}

/** For each value of the larger shape, the index of the value that is repeated there. */
function repeatedIndices(from: readonly number[], to: readonly number[]): readonly number[] {
  const count = to.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => {
    let rest = i;
    let index = 0;
    let stride = 1;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = from[axis - (to.length - from.length)] ?? 1;
      if (size > 1) index += (rest % to[axis]) * stride;
      stride *= size;
      rest = Math.floor(rest / to[axis]);
    }
    return index;
  });
}

function reductionTolerance({ op, inputs: [x], gradients }: PlainOpCase): Tolerances {
  const divisor = op === 'mean' ? x.values.length : 1;
  return {
    y: () => (sumBound * magnitude(x.values)) / divisor,
    // dy itself, or dy / n
    gradients: [rounded(op === 'mean' ? 1 : 0, gradients[0])],
  };
}

function matmulTolerance({ inputs: [a, b], y, dy }: PlainOpCase): Tolerances {
  const upstream = { shape: y.shape, values: dy };
  const bound = (left: ReferenceTensor, right: ReferenceTensor): Tolerance => {
    const product = magnitudeProduct(left, right);
    return (i) => sumBound * product[i];
  };
  return {
    y: bound(a, b),
    gradients: [bound(upstream, transposed(b)), bound(transposed(a), upstream)],
  };
}

/** y = x W^T + b */
function linearTolerance({ inputs: [x, weight, bias], y, dy }: PlainOpCase): Tolerances {
  const upstream = { shape: y.shape, values: dy };
  const product = magnitudeProduct(x, transposed(weight));
  const dx = magnitudeProduct(upstream, weight);
  const dweight = magnitudeProduct(transposed(upstream), x);
  const [rows, outputs] = y.shape;
  const ones = { shape: [1, rows], values: new Array<number>(rows).fill(1) };
  const dbias = magnitudeProduct(ones, upstream);
  return {
    y: (i) => sumBound * (product[i] + Math.abs(bias.values[i % outputs])),
    gradients: [dx, dweight, dbias].map((sums) => (i) => sumBound * sums[i]),
  };
}

function logSoftmaxTolerance({ inputs: [x], y, dy }: PlainOpCase): Tolerances {
  const columns = x.shape[x.shape.length - 1];
  const rowAt = (values: readonly number[], i: number) => {
    const start = i - (i % columns);
    return values.slice(start, start + columns);
  };
  return {
    // x - max - log(sum); with several columns, one value of each row is below -log 2
    y: (i) => 8 * roundoff * largest(rowAt(y.values, i)),
    // dy - softmax * sum(dy)
    gradients: [
      (i) => {
        const sum = magnitude(rowAt(dy, i));
        return sumBound * (Math.abs(dy[i]) + Math.exp(y.values[i]) * sum);
      },
    ],
  };
}

/** Sum of all magnitudes. */
function magnitude(values: readonly number[]): number {
  return values.reduce((total, value) => total + Math.abs(value), 0);
}

/** |a| |b| */
function magnitudeProduct(a: ReferenceTensor, b: ReferenceTensor): readonly number[] {
  const [rows, depth] = a.shape;
  const columns = b.shape[1];
  return Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      sum += Math.abs(a.values[row * depth + k] * b.values[k * columns + (i % columns)]);
    }
    return sum;
  });
}

function transposed({ shape: [rows, columns], values }: ReferenceTensor): ReferenceTensor {
  return {
    shape: [columns, rows],
    values: values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]),
  };
}
