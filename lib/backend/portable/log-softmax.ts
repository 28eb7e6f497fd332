import type { Backend } from '../backend.js';

export const logSoftmax: Backend['logSoftmax'] = (rows, columns, x, y) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let largest = -Infinity;
    for (let i = begin; i < end; i++) if (x[i] > largest) largest = x[i];
    let sum = 0;
    for (let i = begin; i < end; i++) sum += Math.exp(x[i] - largest);
    const shift = largest + Math.log(sum);
    for (let i = begin; i < end; i++) y[i] = x[i] - shift;
  }
};

/** dx = dy - exp(y) * sum(dy) */
export const logSoftmaxBackward: Backend['logSoftmaxBackward'] = (rows, columns, y, dy, dx) => {
  for (let begin = 0; begin < rows * columns; begin += columns) {
    const end = begin + columns;
    let sum = 0;
    for (let i = begin; i < end; i++) sum += dy[i];
    for (let i = begin; i < end; i++) dx[i] = dy[i] - Math.exp(y[i]) * sum;
  }
};
