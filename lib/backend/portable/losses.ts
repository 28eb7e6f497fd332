import type { Operations } from '../operations.js';

// Each loss has its own loop for the same reason as in arithmetic.ts.

export const squaredError: Operations['squaredError'] = (...[n, , factor, x, target, losses, gradient]) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const difference = x[i] - target[i];
    const loss = difference * difference;
    sum += loss;
    if (losses !== null) losses[i] = loss * factor;
    if (gradient !== null) gradient[i] = 2 * difference * factor;
  }
  return sum;
};

export const absoluteError: Operations['absoluteError'] = (...[n, , factor, x, target, losses, gradient]) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const difference = x[i] - target[i];
    const loss = Math.abs(difference);
    sum += loss;
    if (losses !== null) losses[i] = loss * factor;
    if (gradient !== null) gradient[i] = Math.sign(difference) * factor;
  }
  return sum;
};

/** d^2 / 2 if |d| < delta, else delta * (|d| - delta / 2), in one expression. */
export const huber: Operations['huber'] = (...[n, delta, factor, x, target, losses, gradient]) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const difference = x[i] - target[i];
    const size = Math.abs(difference);
    const bounded = Math.min(delta, size);
    const loss = bounded * (size - bounded / 2);
    sum += loss;
    if (losses !== null) losses[i] = loss * factor;
    if (gradient !== null) gradient[i] = Math.sign(difference) * bounded * factor;
  }
  return sum;
};

/** max(x, 0) - x * t + log(1 + exp(-|x|)), in which nothing overflows. */
export const binaryCrossEntropy: Operations['binaryCrossEntropy'] = (
  ...[n, , factor, x, target, losses, gradient]
) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const power = Math.exp(-Math.abs(x[i]));
    const above = x[i] > 0;
    const weight = (above ? 1 : 0) - target[i];
    // An infinite logit that agrees with its target adds 0; Infinity * 0 would be NaN.
    const loss = (weight === 0 ? 0 : x[i] * weight) + Math.log1p(power);
    sum += loss;
    if (losses !== null) losses[i] = loss * factor;
    // The derivative sigmoid(x) - t; for positive x as (1 - t) - sigmoid(-x), which keeps its bits if t is 1.
    const rest = power / (1 + power);
    if (gradient !== null) {
      gradient[i] = (above ? 1 - target[i] - rest : rest - target[i]) * factor;
    }
  }
  return sum;
};

/** The two logarithms are the losses against targets of 1 and 0. */
export const weightedBinaryCrossEntropy: Operations['weightedBinaryCrossEntropy'] = (
  ...[n, factor, x, target, weight, losses, gradient]
) => {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const power = Math.exp(-Math.abs(x[i]));
    const rest = Math.log1p(power);
    const positive = weight[i] * target[i];
    const negative = 1 - target[i];
    const loss = term(positive, Math.max(-x[i], 0) + rest) + term(negative, Math.max(x[i], 0) + rest);
    sum += loss;
    if (losses !== null) losses[i] = loss * factor;
    if (gradient === null) continue;
    const smaller = power / (1 + power);
    const above = x[i] > 0;
    const slope =
      term(positive, above ? -smaller : smaller - 1) + term(negative, above ? 1 - smaller : smaller);
    gradient[i] = slope * factor;
  }
  return sum;
};

/** A term of weight 0 adds 0 even if its logarithm is infinite. */
function term(weight: number, value: number): number {
  return weight === 0 ? 0 : weight * value;
}
