import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { Storage } from '../core/storage.js';

/** The weight of each class in each row of a cross entropy, a matrix that class indices represent without storing it. */
export interface TargetMatrix {
  /** Storages that the backward pass reads. */
  readonly saved: readonly Storage[];
  /** The divisor of the mean of the losses. */
  readonly total: number;
  /** The sum of the element-wise product with a matrix over rows from `first` to before `end`. */
  dot(matrix: Storage, first: number, end: number): number;
  /** The entropy of these rows: -sum of t * log(t). */
  entropy(first: number, end: number): number;
  /** Writes the matrix, times one factor or one for each row, into `out`. */
  scaled(factors: Float32Array, out: Float32Array): void;
  /** Returns storages that nothing saved. */
  release(): void;
}

const nothing = (): void => undefined;

/** Weight 1, or that of the class, at one index of each row; none in rows whose index is -1. */
export function indexMatrix(
  indices: Int32Array,
  columns: number,
  weights: Float64Array | undefined,
): TargetMatrix {
  const weightOf = (index: number) => (index < 0 ? 0 : weights === undefined ? 1 : weights[index]);
  return {
    saved: [],
    total: totalWeight(indices, weights),
    dot({ values }, first, end) {
      let sum = 0;
      for (let row = first; row < end; row++) {
        const index = indices[row];
        const weight = weightOf(index);
        // A class of weight 0 adds 0 even if its probability is 0.
        if (weight !== 0) sum += weight * values[row * columns + index];
      }
      return sum;
    },
    entropy: () => 0,
    scaled(factors, out) {
      out.fill(0);
      const isShared = factors.length === 1;
      indices.forEach((index, row) => {
        const weight = weightOf(index);
        if (weight !== 0) out[row * columns + index] = weight * factors[isShared ? 0 : row];
      });
    },
    release: nothing,
  };
}

/** The sum of the weights of all indices except -1. */
function totalWeight(indices: Int32Array, weights: Float64Array | undefined): number {
  let sum = 0;
  for (const index of indices) if (index >= 0) sum += weights === undefined ? 1 : weights[index];
  return sum;
}

/** Weights of all classes, row by row; releases them if they are `owned`. */
export function denseMatrix(storage: Storage, columns: number, total: number, owned: boolean): TargetMatrix {
  return {
    saved: [storage],
    total,
    dot({ values }, first, end) {
      const weights = storage.values;
      let sum = 0;
      for (let i = first * columns; i < end * columns; i++) sum += weights[i] * values[i];
      if (!Number.isNaN(sum)) return sum;
      // A class with probability 0 in both has 0 * -Infinity, which counts as 0. Not tested above, because branches on labels
      // are predicted badly.
      sum = 0;
      for (let i = first * columns; i < end * columns; i++) {
        if (weights[i] !== 0) sum += weights[i] * values[i];
      }
      return sum;
    },
    entropy(first, end) {
      let sum = 0;
      for (const weight of storage.values.subarray(first * columns, end * columns)) {
        if (weight !== 0) sum -= weight * Math.log(weight);
      }
      return sum;
    },
    scaled(factors, out) {
      if (factors.length === 1) {
        backend.mul(1, out.length, 1, storage.named('a'), named('b', factors), named('out', out));
        return;
      }
      const weights = storage.values;
      for (let i = 0; i < out.length; i++) out[i] = weights[i] * factors[Math.floor(i / columns)];
    },
    release() {
      if (owned) storage.release();
    },
  };
}

/** Class indices of which each gives a share `smoothing` of its weight to all classes. */
export function smoothedIndices(
  indices: Int32Array,
  columns: number,
  weights: Float64Array | undefined,
  smoothing: number,
): TargetMatrix {
  const weightOf = (column: number) => (weights === undefined ? 1 : weights[column]);
  const shares = Float64Array.from(
    { length: columns },
    (_, column) => (smoothing / columns) * weightOf(column),
  );
  return {
    saved: [],
    total: totalWeight(indices, weights),
    dot(matrix, first, end) {
      const hasAllRows = first === 0 && end === indices.length && !indices.includes(-1);
      let sum = hasAllRows ? sumOfColumns(matrix, indices.length, shares) : 0;
      // Read after that sum, in which the memory of the backend may grow.
      const { values } = matrix;
      for (let row = first; row < end; row++) {
        const index = indices[row];
        if (index < 0) continue;
        const start = row * columns;
        if (!hasAllRows) sum += weightedSum(values.subarray(start, start + columns), shares);
        sum += product((1 - smoothing) * weightOf(index), values[start + index]);
      }
      return sum;
    },
    entropy: () => 0,
    scaled(factors, out) {
      const isShared = factors.length === 1;
      if (isShared) repeatRow(out, columns, (column) => shares[column] * factors[0]);
      indices.forEach((index, row) => {
        const start = row * columns;
        const factor = factors[isShared ? 0 : row];
        if (index < 0) out.fill(0, start, start + columns);
        else if (!isShared) shares.forEach((share, column) => (out[start + column] = share * factor));
        if (index >= 0) out[start + index] = (shares[index] + (1 - smoothing) * weightOf(index)) * factor;
      });
    },
    release: nothing,
  };
}

/** The sum over rows and columns of a value times the share of its column. */
function sumOfColumns(matrix: Storage, rows: number, shares: Float64Array): number {
  const isUniform = shares.every((share) => share === shares[0]);
  if (isUniform) return product(shares[0], backend.sum(matrix.values.length, matrix.named('x')));
  const sums = Storage.take(shares.length);
  backend.sumRows(rows, shares.length, matrix.named('x'), sums.named('out'));
  const sum = weightedSum(sums.values, shares);
  sums.release();
  return sum;
}

function weightedSum(values: Float32Array, weights: Float64Array): number {
  let sum = 0;
  values.forEach((value, i) => (sum += product(weights[i], value)));
  return sum;
}

/** A weight of 0 gives 0 even if the value, a logarithm of a probability, is infinite. */
function product(weight: number, value: number): number {
  return weight === 0 ? 0 : weight * value;
}

/** Fills every row with the same values. */
function repeatRow(out: Float32Array, columns: number, valueOf: (column: number) => number): void {
  for (let column = 0; column < columns; column++) out[column] = valueOf(column);
  // Each copy doubles the part that is filled.
  for (let filled = columns; filled < out.length; filled *= 2) out.copyWithin(filled, 0, filled);
}

/** Probabilities, smoothed and then multiplied by the weights of the classes. */
export function weightedProbabilities(
  given: Storage,
  columns: number,
  weights: Float64Array | undefined,
  smoothing: number,
): TargetMatrix {
  const storage = Storage.take(given.values.length);
  const { values } = storage;
  const { values: probabilities } = given;
  for (let start = 0; start < values.length; start += columns) {
    for (let column = 0; column < columns; column++) {
      const smoothed = probabilities[start + column] * (1 - smoothing) + smoothing / columns;
      values[start + column] = weights === undefined ? smoothed : smoothed * weights[column];
    }
  }
  return denseMatrix(storage, columns, probabilities.length / columns, true);
}
