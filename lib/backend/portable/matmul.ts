import type { Operations } from '../operations.js';
import { workingSpace } from './working-space.js';

// Computes one row of c at a time in double precision. b is read along its rows, the order of memory unless
// it is transposed.
export const matmul: Operations['matmul'] = (rows, depth, columns, transposeA, transposeB, a, b, c) => {
  // If one of them is 0, the other may be arbitrarily large.
  if (rows * columns === 0) return;
  const aRow = transposeA ? 1 : depth;
  const aDepth = transposeA ? rows : 1;
  const sums = workingSpace(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    if (transposeB) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) sum += a[row * aRow + k * aDepth] * b[column * depth + k];
        sums[column] = sum;
      }
    } else {
      for (let k = 0; k < depth; k++) {
        const factor = a[row * aRow + k * aDepth];
        const start = k * columns;
        for (let column = 0; column < columns; column++) sums[column] += factor * b[start + column];
      }
    }
    c.set(sums, row * columns);
  }
};
