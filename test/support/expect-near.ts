import { expect } from 'chai';

/** Every value within `tolerance` (absolute) of its reference; names the worst one. */
export function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'values',
): void {
  expect(actual.length, `${what}: length`).to.equal(expected.length);
  let worst = 0;
  let place = -1;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    // Written so that a NaN fails.
    if (!(error <= worst)) {
      worst = error;
      place = i;
    }
  }
  expect(
    worst <= tolerance,
    `${what}[${place}] is ${actual[place]}, expected ${expected[place]}, off by ${worst} > ${tolerance}`,
  ).to.equal(true);
}

/** The largest magnitude. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
