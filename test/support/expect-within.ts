import { expect } from 'chai';

/** The maximum relative error of rounding to float32. */
export const roundoff = 2 ** -24;

/** Expects every value within `tolerance` of its index from its reference; names the worst one. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (index: number) => number,
  what: string,
): void {
  expect(actual.length, `${what}: length`).to.equal(expected.length);
  let worst = 0;
  let place = -1;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (error <= tolerance(i)) continue;
    const excess = error / tolerance(i);
    // NaN counts as the largest error.
    if (Number.isNaN(worst) || excess <= worst) continue;
    worst = excess;
    place = i;
  }
  expect(
    place,
    `${what}[${place}] is ${actual[place]}, expected ${expected[place]} within ${tolerance(place)}`,
  ).to.equal(-1);
}

/** Expects the same tolerance for all values: `relative` to the largest magnitude of the reference. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  what: string,
): void {
  const limit = relative * largest(expected);
  expectWithin(actual, expected, () => limit, what);
}

/** The largest magnitude. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
