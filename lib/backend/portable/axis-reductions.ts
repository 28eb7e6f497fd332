import type { Operations } from '../operations.js';
import { workingSpace } from './working-space.js';

export const sumAxis: Operations['sumAxis'] = (outer, length, inner, divisor, x, y) => {
  if (outer === 0 || inner === 0) return;
  const sums = workingSpace(inner);
  for (let group = 0, i = 0; group < outer; group++) {
    sums.fill(0);
    for (let row = 0; row < length; row++) {
      for (let column = 0; column < inner; column++, i++) sums[column] += x[i];
    }
    for (let column = 0; column < inner; column++) y[group * inner + column] = sums[column] / divisor;
  }
};

/** Whether a value replaces the extremum of the values before it: a NaN replaces every number. */
function replaces(value: number, extremum: number, minimum: boolean): boolean {
  if (Number.isNaN(extremum)) return false;
  return minimum ? !(value >= extremum) : !(value <= extremum);
}

export const extremumAxis: Operations['extremumAxis'] = (outer, length, inner, minimum, x, y) => {
  y.fill(minimum ? Infinity : -Infinity, 0, outer * inner);
  if (outer === 0 || inner === 0) return;
  for (let group = 0, i = 0; group < outer; group++) {
    for (let row = 0; row < length; row++) {
      for (let to = group * inner; to < (group + 1) * inner; to++, i++) {
        if (replaces(x[i], y[to], minimum)) y[to] = x[i];
      }
    }
  }
};

export const extremumAxisBackward: Operations['extremumAxisBackward'] = (
  ...[outer, length, inner, x, y, dy, dx]
) => {
  if (outer === 0 || inner === 0) return;
  const counts = workingSpace(inner);
  for (let group = 0; group < outer; group++) {
    const first = group * inner;
    const start = first * length;
    counts.fill(0);
    for (let row = 0, i = start; row < length; row++) {
      for (let column = 0; column < inner; column++, i++) if (x[i] === y[first + column]) counts[column]++;
    }
    for (let row = 0, i = start; row < length; row++) {
      for (let column = 0; column < inner; column++, i++) {
        // Without an equal value y is NaN.
        const share = counts[column] > 0 ? dy[first + column] / counts[column] : NaN;
        // Other values get 0, but NaN if the share is NaN or infinite.
        dx[i] = x[i] === y[first + column] ? share : share - share;
      }
    }
  }
};

export const extremumIndexAxis: Operations['extremumIndexAxis'] = (
  ...[outer, length, inner, minimum, x, y]
) => {
  y.fill(0, 0, outer * inner);
  if (outer === 0 || inner === 0) return;
  for (let group = 0; group < outer; group++) {
    for (let row = 0, i = group * length * inner; row < length; row++) {
      for (let to = group * inner; to < (group + 1) * inner; to++, i++) {
        const best = x[i + (y[to] - row) * inner];
        if (replaces(x[i], best, minimum)) y[to] = row;
      }
    }
  }
};
