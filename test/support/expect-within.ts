import { expect } from 'chai';

/** The most by which rounding to float32 changes a value, relative to it. */
export const roundoff = 2 ** -24;

/** Every value as near to its reference as `tolerance` says for its index; names the worst one. */
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
    // Nothing is worse than a NaN.
    if (Number.isNaN(worst) || excess <= worst) continue;
    worst = excess;
    place = i;
  }
  expect(
    place,
    `${what}[${place}] is ${actual[place]}, expected ${expected[place]} within ${tolerance(place)}`,
  ).to.equal(-1);
}

/** The same tolerance for all: `relative` to the largest magnitude of the reference. */
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
