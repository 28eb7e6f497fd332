import { rangeError } from '../../validation/errors.js';
import type { Operations } from '../operations.js';

export const stridedCopy: Operations['stridedCopy'] = (
  ...[n0, n1, n2, n3, n4, x0, x1, x2, x3, x4, y0, y1, y2, y3, y4, xLength, yLength, x, y]
) => {
  const sizes = [n0, n1, n2, n3, n4];
  if (sizes.includes(0)) return;
  if (
    lastIndex(sizes, [x0, x1, x2, x3, x4]) >= xLength ||
    lastIndex(sizes, [y0, y1, y2, y3, y4]) >= yLength
  ) {
    throw rangeError('ERR_BATCHNORM_SHAPE', 'Expected sizes and strides that stay within x and y');
  }
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      for (let c = 0; c < n2; c++) {
        for (let d = 0; d < n3; d++) {
          let from = a * x0 + b * x1 + c * x2 + d * x3;
          let to = a * y0 + b * y1 + c * y2 + d * y3;
          for (let e = 0; e < n4; e++, from += x4, to += y4) y[to] = x[from];
        }
      }
    }
  }
};

function lastIndex(sizes: readonly number[], strides: readonly number[]): number {
  return sizes.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 0);
}
