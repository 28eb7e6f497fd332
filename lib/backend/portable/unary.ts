import type { Backend, Unary } from '../backend.js';

export const exp: Unary = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.exp(x[i]);
};

export const log: Unary = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.log(x[i]);
};

export const sqrt: Unary = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.sqrt(x[i]);
};

export const square: Unary = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] * x[i];
};

// Compared this way round, a NaN stays one.
export const relu: Unary = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
};

export const reluBackward: Backend['reluBackward'] = (n, y, dy, dx) => {
  for (let i = 0; i < n; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
};
