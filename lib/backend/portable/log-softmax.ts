import type { Operations } from '../operations.js';

export const logSoftmax: Operations['logSoftmax'] = (rows, columns, x, y) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let largest = -Infinity;
    for (let i = begin; i < end; i++) if (x[i] > largest) largest = x[i];
    let sum = 0;
    for (let i = begin; i < end; i++) sum += Math.exp(x[i] - largest);
    // The largest value contributes exactly 1 to the sum; log1p keeps the bits of a small remainder.
    const logSum = Math.log1p(sum - 1);
    for (let i = begin; i < end; i++) y[i] = x[i] - largest - logSum;
  }
};

/** dx = dy - exp(y) * sum(dy), computed as (dy - sum(dy)) - (exp(y) - 1) * sum(dy) if exp(y) is nearly 1. */
export const logSoftmaxBackward: Operations['logSoftmaxBackward'] = (rows, columns, y, dy, dx) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let sum = 0;
    for (let i = begin; i < end; i++) sum += dy[i];
    for (let i = begin; i < end; i++) {
      dx[i] = y[i] > -0.34 ? dy[i] - sum - Math.expm1(y[i]) * sum : dy[i] - Math.exp(y[i]) * sum;
    }
  }
};
