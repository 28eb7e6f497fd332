import type { Operations } from '../operations.js';

export const exp: Operations['exp'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.exp(x[i]);
};

export const log: Operations['log'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.log(x[i]);
};

export const sqrt: Operations['sqrt'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.sqrt(x[i]);
};

export const square: Operations['square'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] * x[i];
};

// Written so that NaN stays NaN.
export const relu: Operations['relu'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
};

export const reluBackward: Operations['reluBackward'] = (n, y, dy, dx) => {
  for (let i = 0; i < n; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
};
