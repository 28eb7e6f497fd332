import { expectWithin } from './expect-within.js';

export { largest } from './expect-within.js';

/** Expects every value within `tolerance` (absolute) of its reference; names the worst one. */
export function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'values',
): void {
  expectWithin(actual, expected, () => tolerance, what);
}
