import { rangeError } from '../../validation/errors.js';
import type { Operations } from '../operations.js';

// One loop serves all three kinds of right operand: its index wraps around at the operand's end. Each
// operation has its own copy of the loop, because V8 does not inline a callback of a shared loop once it has
// seen four of them.

export const add: Operations['add'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] + b[j];
  }
};

export const sub: Operations['sub'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] - b[j];
  }
};

export const mul: Operations['mul'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] * b[j];
  }
};

export const div: Operations['div'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] / b[j];
  }
};

export const maximum: Operations['maximum'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = b[j] < a[i] || Number.isNaN(a[i]) ? a[i] : b[j];
  }
};

export const minimum: Operations['minimum'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] < b[j] || Number.isNaN(a[i]) ? a[i] : b[j];
  }
};

export const less: Operations['less'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] < b[j] ? 1 : 0;
  }
};

export const lessEqual: Operations['lessEqual'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] <= b[j] ? 1 : 0;
  }
};

export const greater: Operations['greater'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] > b[j] ? 1 : 0;
  }
};

export const greaterEqual: Operations['greaterEqual'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] >= b[j] ? 1 : 0;
  }
};

export const equal: Operations['equal'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] === b[j] ? 1 : 0;
  }
};

export const notEqual: Operations['notEqual'] = (rows, columns, rightLength, a, b, out) => {
  requireRight(rows, columns, rightLength);
  for (let i = 0, j = 0; i < rows * columns; i++, j++) {
    if (j === rightLength) j = 0;
    out[i] = a[i] !== b[j] ? 1 : 0;
  }
};

export const where: Operations['where'] = (n, condition, a, b, out) => {
  for (let i = 0; i < n; i++) out[i] = condition[i] !== 0 ? a[i] : b[i];
};

function requireRight(rows: number, columns: number, rightLength: number): void {
  if (rightLength === rows * columns || rightLength === 1 || rightLength === columns) return;
  throw rangeError('ERR_BATCHNORM_SHAPE', 'Expected the size of a tensor, of a row or 1 for rightLength');
}
