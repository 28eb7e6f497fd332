import type { Operations } from '../operations.js';
import { gradientStep } from './gradient-step.js';

export const fill: Operations['fill'] = (n, value, y) => {
  y.fill(value, 0, n);
};

export const exp: Operations['exp'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.exp(x[i]);
};

export const expBackward: Operations['expBackward'] = (n, dyLength, y, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = dy[i * step] * y[i];
};

export const log: Operations['log'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.log(x[i]);
};

export const logBackward: Operations['logBackward'] = (n, dyLength, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = dy[i * step] / x[i];
};

export const sqrt: Operations['sqrt'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.sqrt(x[i]);
};

export const sqrtBackward: Operations['sqrtBackward'] = (n, dyLength, y, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = dy[i * step] / y[i] / 2;
};

export const square: Operations['square'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] * x[i];
};

export const squareBackward: Operations['squareBackward'] = (n, dyLength, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = 2 * dy[i * step] * x[i];
};

// Written so that NaN stays NaN.
export const relu: Operations['relu'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
};

export const reluBackward: Operations['reluBackward'] = (n, dyLength, y, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = y[i] <= 0 ? 0 : dy[i * step];
};
