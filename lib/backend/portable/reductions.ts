import type { Operations } from '../operations.js';
import { workingSpace } from './working-space.js';

export const sum: Operations['sum'] = (n, x) => {
  let total = 0;
  for (let i = 0; i < n; i++) total += x[i];
  return total;
};

export const rowMeans: Operations['rowMeans'] = (rows, columns, x, means) => {
  for (let row = 0, i = 0; row < rows; row++) {
    let total = 0;
    for (const end = i + columns; i < end; i++) total += x[i];
    means[row] = total / columns;
  }
};

export const rowMeansBackward: Operations['rowMeansBackward'] = (rows, columns, dy, dx) => {
  for (let row = 0; row < rows; row++) {
    dx.fill(dy[row] / columns, row * columns, (row + 1) * columns);
  }
};

export const sumRows: Operations['sumRows'] = (rows, columns, x, out) => {
  if (columns === 0) return;
  const sums = workingSpace(columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) sums[column] += x[i];
  }
  out.set(sums);
};
