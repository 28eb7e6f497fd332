// Errors of a result against double precision, in the measures of the numerics contract.
import type { Layout } from '../../support/float64.js';
import type { Case, Result } from './case.js';

/**
 * Maxima over channels: the mean relative to the deviation; the variance relative to itself; y to the larger of
 * max|y - bias| and |bias|; dx to max|scale * invStd * dy|; dscale to the sum of |dy * x^|; dbias to the sum of
 * |dy|.
 */
export interface Errors {
  readonly mean: number;
  readonly variance: number;
  readonly y: number;
  readonly dx: number;
  readonly dscale: number;
  readonly dbias: number;
}

export type Quantity = keyof Errors;

/** The contract. */
export const limits: Errors = {
  mean: 1e-6,
  variance: 1e-6,
  y: 1e-6,
  dx: 4e-6,
  dscale: 1e-6,
  dbias: 1e-6,
};

export const quantities = Object.keys(limits) as Quantity[];

export const noErrors: Errors = { mean: 0, variance: 0, y: 0, dx: 0, dscale: 0, dbias: 0 };

/** The elementwise maximum; NaN counts as the largest. */
export function worst(a: Errors, b: Errors): Errors {
  return {
    mean: Math.max(a.mean, b.mean),
    variance: Math.max(a.variance, b.variance),
    y: Math.max(a.y, b.y),
    dx: Math.max(a.dx, b.dx),
    dscale: Math.max(a.dscale, b.dscale),
    dbias: Math.max(a.dbias, b.dbias),
  };
}

/** Variances outside this range overflow or underflow in float32; the contract does not cover them. */
const variances = { smallest: 1e-30, largest: 1e30 };

// Subnormal floats are multiples of this. A mean has an error of up to half of it, and small products
// dy * (x - mean) are rounded to a multiple. If these errors exceed the contract, they replace it: for deviations
// and products below 1.4e-39.
const finest = 2 ** -149;
const smallestDeviation = finest / limits.mean;
const smallestProduct = finest / limits.dscale;

export function errorsOf(given: Case, result: Result): Errors {
  let errors = noErrors;
  for (let channel = 0; channel < given.layout.channels; channel++) {
    errors = worst(errors, errorsOfChannel(given, result, channel));
  }
  return errors;
}

function errorsOfChannel(given: Case, result: Result, channel: number): Errors {
  const { x, dy, layout, epsilon } = given;
  const scale = given.scale[channel];
  const bias = given.bias[channel];
  const count = layout.images * layout.plane;
  const rows = rowsOf(layout, channel);

  const mean = sum(rows, (i) => x[i]) / count;
  // The second term corrects the rounding error of the mean in the first (Chan, Golub, LeVeque, 1983).
  const rest = sum(rows, (i) => x[i] - mean);
  const variance = (sum(rows, (i) => (x[i] - mean) ** 2) - (rest * rest) / count) / count;
  const center = mean + rest / count;
  const invStd = 1 / Math.sqrt(variance + epsilon);
  const dbias = sum(rows, (i) => dy[i]);
  const dscale = sum(rows, (i) => dy[i] * (x[i] - center)) * invStd;
  const dbiasSize = sum(rows, (i) => Math.abs(dy[i]));
  const dscaleSize = sum(rows, (i) => Math.abs(dy[i] * (x[i] - center))) * invStd;

  let yError = 0;
  let ySize = Math.abs(bias);
  let dxError = 0;
  let dxSize = 0;
  for (const [start, end] of rows) {
    for (let i = start; i < end; i++) {
      const xHat = (x[i] - center) * invStd;
      yError = larger(yError, Math.abs(result.y[i] - (xHat * scale + bias)));
      ySize = Math.max(ySize, Math.abs(xHat * scale));
      const dx = scale * invStd * (dy[i] - dbias / count - (xHat * dscale) / count);
      dxError = larger(dxError, Math.abs(result.dx[i] - dx));
      dxSize = Math.max(dxSize, Math.abs(scale * invStd * dy[i]));
    }
  }
  const measured = variance > variances.smallest && variance < variances.largest;
  const meanError = Math.abs(result.mean[channel] - mean - rest / count);
  return {
    // For a constant channel y must be the bias.
    mean: variance > 0 ? meanError / Math.max(Math.sqrt(variance), smallestDeviation) : 0,
    variance: measured ? Math.abs(result.variance[channel] - variance) / variance : 0,
    y: relative(yError, ySize),
    dx: relative(dxError, dxSize),
    dscale: relative(
      Math.abs(result.dscale[channel] - dscale),
      Math.max(dscaleSize, count * smallestProduct * invStd),
    ),
    dbias: relative(Math.abs(result.dbias[channel] - dbias), dbiasSize),
  };
}

/** Math.max, including its NaN handling, which is slow here. */
function larger(a: number, b: number): number {
  return b <= a ? a : b;
}

function relative(error: number, size: number): number {
  return error === 0 ? 0 : error / size;
}

type Rows = readonly (readonly [start: number, end: number])[];

function rowsOf({ images, channels, plane }: Layout, channel: number): Rows {
  return Array.from({ length: images }, (_, image) => {
    const start = (image * channels + channel) * plane;
    return [start, start + plane] as const;
  });
}

/** Compensated summation (Neumaier, 1974): accurate as if in twice the precision. */
function sum(rows: Rows, term: (index: number) => number): number {
  let total = 0;
  let lost = 0;
  for (const [start, end] of rows) {
    for (let i = start; i < end; i++) {
      const value = term(i);
      const next = total + value;
      lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
      total = next;
    }
  }
  return total + lost;
}
