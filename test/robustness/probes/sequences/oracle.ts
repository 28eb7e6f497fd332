import type { Shape } from 'batchnorm';
import { channelIndices, channelStatistics, type Layout } from '../../../support/float64.js';
import { type Cotangent, pullThrough } from './graph-model.js';
import { countOf } from './values.js';

/** The float64 result of an operation, the bound for float32, and its derivative. */
export interface Expected {
  readonly shape: Shape;
  readonly values: Float64Array;
  /** The error bound of each value, for inputs that neither overflow nor underflow. */
  readonly slack: (i: number) => number;
  /** Whether the result is the nearest float32 for any input. Default false. */
  readonly exact?: boolean;
  /** False if float32 inputs make the contract unattainable. */
  readonly comparable?: boolean;
  readonly pull: (dy: Cotangent) => readonly (Cotangent | undefined)[];
}

type Values = ArrayLike<number>;
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const map = (x: Values, f: (v: number, i: number) => number) => Float64Array.from(Array.from(x), f);

export const unary: Readonly<
  Record<string, { f: (x: number) => number; slope: (x: number, y: number) => number; exact: boolean }>
> = {
  exp: { f: Math.exp, slope: (_x, y) => y, exact: false },
  log: { f: Math.log, slope: (x) => 1 / x, exact: false },
  sqrt: { f: Math.sqrt, slope: (_x, y) => 1 / (2 * y), exact: true },
  square: { f: (x) => x * x, slope: (x) => 2 * x, exact: true },
  relu: { f: (x) => (x > 0 || Number.isNaN(x) ? x : 0), slope: (_x, y) => (y > 0 ? 1 : 0), exact: true },
};

export function expectUnary(name: string, x: Values, shape: Shape, y: Values): Expected {
  const { f, slope, exact } = unary[name];
  const values = map(x, f);
  const terms = range(x.length).map((i) => [i, i, slope(x[i], y[i])] as const);
  return {
    ...{ shape, values, slack: (i) => 2e-6 * Math.max(1, Math.abs(values[i])), exact },
    pull: (dy) => [pullThrough(x.length, dy, terms)],
  };
}

export type Binary = 'add' | 'sub' | 'mul' | 'div';
const binary: Readonly<
  Record<
    Binary,
    readonly [
      f: (a: number, b: number) => number,
      da: (a: number, b: number) => number,
      db: (a: number, b: number) => number,
    ]
  >
> = {
  add: [(a, b) => a + b, () => 1, () => 1],
  sub: [(a, b) => a - b, () => 1, () => -1],
  mul: [(a, b) => a * b, (_a, b) => b, (a) => a],
  div: [(a, b) => a / b, (_a, b) => 1 / b, (a, b) => -a / b / b],
};

/** The shape to which two others broadcast; undefined if they do not. */
export function broadcastShape(left: Shape, right: Shape): Shape | undefined {
  const rank = Math.max(left.length, right.length);
  const padded = (shape: Shape) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [a, b] = [padded(left), padded(right)];
  if (a.some((size, axis) => size !== b[axis] && size !== 1 && b[axis] !== 1)) return undefined;
  return a.map((size, axis) => (size === 1 ? b[axis] : size));
}

/** The index of the value of a tensor that stands at index i of the shape that it is broadcast to. */
function sourceIndex(from: Shape, to: Shape, i: number): number {
  let index = 0;
  let stride = 1;
  for (let axis = to.length - 1, rest = i; axis >= 0; axis--) {
    const size = from[axis - to.length + from.length] ?? 1;
    if (size > 1) index += (rest % to[axis]) * stride;
    stride *= size;
    rest = Math.floor(rest / to[axis]);
  }
  return index;
}

interface Operand {
  readonly values: Values;
  readonly shape: Shape;
}

/** Of operands that broadcast to `shape`. */
export function expectBinary(name: Binary, a: Operand, b: Operand, shape: Shape): Expected {
  const [f, da, db] = binary[name];
  const all = range(countOf(shape)).map((i) => {
    const [p, q] = [a, b].map((operand) => sourceIndex(operand.shape, shape, i));
    return { i, p, q, left: a.values[p], right: b.values[q] };
  });
  return {
    ...{ shape, values: Float64Array.from(all, ({ left, right }) => f(left, right)) },
    ...{ slack: () => 0, exact: true },
    pull: (dy) => [
      pullThrough(
        a.values.length,
        dy,
        all.map(({ i, p, left, right }) => [p, i, da(left, right)] as const),
      ),
      pullThrough(
        b.values.length,
        dy,
        all.map(({ i, q, left, right }) => [q, i, db(left, right)] as const),
      ),
    ],
  };
}

/** The sum or the mean of all values, or along an axis. */
export function expectSum(x: Values, shape: Shape, axis: number | undefined, mean: boolean): Expected {
  const length = axis === undefined ? x.length : shape[axis];
  const inner = axis === undefined ? 1 : countOf(shape.slice(axis + 1));
  const kept = axis === undefined ? [] : shape.filter((_, i) => i !== axis);
  const divisor = mean ? length : 1;
  const values = new Float64Array(countOf(kept));
  const sizes = new Float64Array(values.length);
  const resultOf = (i: number) => Math.floor(i / (length * inner)) * inner + (i % inner);
  for (const i of range(x.length)) {
    values[resultOf(i)] += x[i];
    sizes[resultOf(i)] += Math.abs(x[i]);
  }
  return {
    ...{
      shape: kept,
      values: map(values, (sum) => sum / divisor),
      slack: (i) => (2e-6 * sizes[i]) / divisor,
    },
    pull: (dy) => [
      pullThrough(
        x.length,
        dy,
        range(x.length).map((i) => [i, resultOf(i), 1 / divisor] as const),
      ),
    ],
  };
}

export function expectMatmul(a: Values, b: Values, [m, k]: Shape, n: number, transposed: boolean): Expected {
  const at = (l: number, j: number) => (transposed ? j * k + l : l * n + j);
  const values = new Float64Array(m * n);
  const sizes = new Float64Array(m * n);
  const cells = range(m).flatMap((i) =>
    range(n).flatMap((j) => range(k).map((l) => [i * k + l, at(l, j), i * n + j] as const)),
  );
  for (const [p, q, r] of cells) {
    values[r] += a[p] * b[q];
    sizes[r] += Math.abs(a[p] * b[q]);
  }
  return {
    ...{ shape: [m, n], values, slack: (i) => 1e-6 * (k + 1) * sizes[i] },
    pull: (dy) => [
      pullThrough(
        a.length,
        dy,
        cells.map(([p, q, r]) => [p, r, b[q]] as const),
      ),
      pullThrough(
        b.length,
        dy,
        cells.map(([p, q, r]) => [q, r, a[p]] as const),
      ),
    ],
  };
}

export function expectLogSoftmax(x: Values, shape: Shape): Expected {
  const columns = shape[shape.length - 1];
  const rowOf = (i: number) => range(columns).map((c) => i - (i % columns) + c);
  const values = map(x, (v, i) => {
    const row = rowOf(i).map((j) => x[j]);
    const top = Math.max(...row);
    return v - top - Math.log(row.reduce((sum, each) => sum + Math.exp(each - top), 0));
  });
  return {
    ...{ shape, values, slack: (i) => 4e-6 * Math.max(1, Math.abs(values[i]), Math.abs(x[i])) },
    pull: (dy) => [
      pullThrough(
        x.length,
        dy,
        range(x.length).flatMap((i) =>
          rowOf(i).map(
            (j) =>
              [
                i,
                j,
                (i === j ? 1 : 0) - Math.exp(values[i]),
                (i === j ? 1 : 0) + Math.exp(values[i]),
              ] as const,
          ),
        ),
      ),
    ],
  };
}

export function layoutOf(shape: Shape): Layout {
  const [images, channels, height, width] = shape.length === 3 ? [1, ...shape] : shape;
  return { images, channels, plane: height * width };
}

export function expectInference(
  x: Values,
  shape: Shape,
  scale: Values,
  bias: Values,
  mean: Values,
  variance: Values,
  epsilon: number,
): Expected {
  const layout = layoutOf(shape);
  const values = new Float64Array(x.length);
  const slacks = new Float64Array(x.length);
  const factors = new Float64Array(x.length);
  for (let c = 0; c < layout.channels; c++) {
    const invStd = 1 / Math.sqrt(variance[c] + epsilon);
    for (const i of channelIndices(layout, c)) {
      factors[i] = scale[c] * invStd;
      values[i] = (x[i] - mean[c]) * factors[i] + bias[c];
      // x - mean, factor, product and sum are rounded once each.
      slacks[i] = 1e-6 * Math.max(Math.abs(values[i] - bias[c]), Math.abs(bias[c]));
    }
  }
  return {
    ...{ shape, values, slack: (i) => slacks[i] },
    pull: (dy) => [
      pullThrough(
        x.length,
        dy,
        range(x.length).map((i) => [i, i, factors[i]] as const),
      ),
    ],
  };
}

/** Statistics, including the variance with divisor n - 1 for the running variance. */
export interface ExpectedTraining extends Expected {
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

export function expectTraining(
  x: Values,
  shape: Shape,
  scale: Values,
  bias: Values,
  epsilon: number,
): ExpectedTraining {
  const layout = layoutOf(shape);
  const { channels } = layout;
  const values = new Float64Array(x.length);
  const slacks = new Float64Array(x.length);
  const xHat = new Float64Array(x.length);
  const factor = new Float64Array(channels);
  const means = new Float64Array(channels);
  const variances = new Float64Array(channels);
  const indices = range(channels).map((c) => [...channelIndices(layout, c)]);
  let comparable = true;
  const count = layout.images * layout.plane;
  for (const [c, all] of indices.entries()) {
    const { mean, variance } = channelStatistics(x, layout, c);
    // For a constant channel only epsilon remains.
    comparable &&= variance === 0 || Math.abs(mean) < 1e4 * Math.sqrt(variance);
    const invStd = 1 / Math.sqrt(variance + epsilon);
    means[c] = mean;
    variances[c] = (variance * count) / (count - 1);
    factor[c] = scale[c] * invStd;
    let most = Math.abs(bias[c]);
    for (const i of all) {
      xHat[i] = (x[i] - mean) * invStd;
      values[i] = xHat[i] * scale[c] + bias[c];
      most = Math.max(most, Math.abs(values[i] - bias[c]));
    }
    for (const i of all) slacks[i] = 1e-6 * most;
  }
  return {
    ...{ shape, values, slack: (i) => slacks[i], comparable, means, variances },
    pull: (dy) => [
      pullThrough(
        x.length,
        dy,
        indices.flatMap((all, c) => all.flatMap((i) => all.map((j) => dxTerm(i, j, factor[c], count, xHat)))),
      ),
      pullThrough(
        channels,
        dy,
        indices.flatMap((all, c) => all.map((i) => [c, i, xHat[i]] as const)),
      ),
      pullThrough(
        channels,
        dy,
        indices.flatMap((all, c) => all.map((i) => [c, i, 1] as const)),
      ),
    ],
  };
}

/** scale * invStd * ((i is j) - 1 / n - x^[i] * x^[j] / n) */
function dxTerm(
  i: number,
  j: number,
  factor: number,
  count: number,
  xHat: Float64Array,
): readonly [number, number, number, number] {
  const self = i === j ? 1 : 0;
  const product = (xHat[i] * xHat[j]) / count;
  return [
    i,
    j,
    factor * (self - 1 / count - product),
    Math.abs(factor) * (self + 1 / count + Math.abs(product)),
  ];
}
