import type { Operations } from '../operations.js';
import { gradientStep } from './gradient-step.js';

export const abs: Operations['abs'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.abs(x[i]);
};

// Math.sign(NaN) is NaN.
export const absBackward: Operations['absBackward'] = (n, dyLength, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = x[i] > 0 ? dy[i * step] : x[i] < 0 ? -dy[i * step] : x[i];
};

function logistic(x: number): number {
  // The argument of exp is never positive, so it cannot overflow.
  const power = Math.exp(-Math.abs(x));
  return (x < 0 ? power : 1) / (1 + power);
}

export const sigmoid: Operations['sigmoid'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = logistic(x[i]);
};

export const sigmoidBackward: Operations['sigmoidBackward'] = (n, dyLength, y, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = y[i] * (1 - y[i]) * dy[i * step];
};

export const tanh: Operations['tanh'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.tanh(x[i]);
};

export const tanhBackward: Operations['tanhBackward'] = (n, dyLength, y, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = (1 - y[i] * y[i]) * dy[i * step];
};

// x / 2 * (1 + tanh(u)) is x * sigmoid(2u), which does not cancel; 2u = linear * x + cubic * x^3.
const linear = 2 * Math.sqrt(2 / Math.PI);
const cubic = 0.044715 * linear;

export const gelu: Operations['gelu'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] * logistic(x[i] * (linear + cubic * x[i] * x[i]));
};

export const geluBackward: Operations['geluBackward'] = (n, dyLength, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) {
    // Beyond 11 the derivative is 0 or 1 in float32, and an infinite x would give Inf * 0 = NaN.
    const value = Math.min(11, Math.max(-11, x[i]));
    const argument = value * (linear + cubic * value * value);
    const derivative = logistic(argument) * logistic(-argument);
    dx[i] = (logistic(argument) + value * derivative * (linear + 3 * cubic * value * value)) * dy[i * step];
  }
};

export const silu: Operations['silu'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] * logistic(x[i]);
};

export const siluBackward: Operations['siluBackward'] = (n, dyLength, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) {
    // Beyond 104 the derivative is 0 or 1 in float32; at infinity, x times a derivative of 0 would be NaN.
    const value = Math.min(104, Math.max(-104, x[i]));
    dx[i] = (logistic(value) + value * logistic(value) * logistic(-value)) * dy[i * step];
  }
};

export const leakyRelu: Operations['leakyRelu'] = (n, slope, x, y) => {
  for (let i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
};

export const leakyReluBackward: Operations['leakyReluBackward'] = (n, dyLength, slope, x, dy, dx) => {
  const step = gradientStep(n, dyLength);
  for (let i = 0; i < n; i++) dx[i] = x[i] > 0 ? dy[i * step] : slope * dy[i * step];
};
