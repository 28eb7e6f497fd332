import type { Operations } from '../operations.js';

export const softmax: Operations['softmax'] = (rows, columns, x, y) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let largest = -Infinity;
    for (let i = begin; i < end; i++) if (x[i] > largest) largest = x[i];
    let sum = 0;
    for (let i = begin; i < end; i++) sum += Math.exp(x[i] - largest);
    for (let i = begin; i < end; i++) y[i] = Math.exp(x[i] - largest) / sum;
  }
};

/** dx = y * (dy - sum(y * dy)) */
export const softmaxBackward: Operations['softmaxBackward'] = (rows, columns, y, dy, dx) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let sum = 0;
    for (let i = begin; i < end; i++) sum += y[i] * dy[i];
    for (let i = begin; i < end; i++) dx[i] = y[i] * (dy[i] - sum);
  }
};
