import type { Arithmetic } from '../backend.js';

// One loop for all three kinds of right operand: its index starts again where it ends. Each operation
// has its own copy of the loop, since a shared one with a callback is not inlined once four kinds
// of callback have been seen.

export const add: Arithmetic = (rows, columns, rightLength, a, b, out) => {
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] + b[j];
  }
};

export const sub: Arithmetic = (rows, columns, rightLength, a, b, out) => {
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] - b[j];
  }
};

export const mul: Arithmetic = (rows, columns, rightLength, a, b, out) => {
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] * b[j];
  }
};

export const div: Arithmetic = (rows, columns, rightLength, a, b, out) => {
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] / b[j];
  }
};
