import { median } from '../resnet/median.mjs';

/**
 * How many times as long something takes after a change: the median over the rounds of the ratio within a round, in which
 * both ran right after each other. The machine may be slower in one round than in another.
 *
 * @param {readonly number[]} before Times of each round.
 * @param {readonly number[]} after Times of the same rounds.
 */
export function ratioOf(before, after) {
  if (before.length === 0 || before.length !== after.length) {
    throw new RangeError(
      `Expected as many times after as before, at least one, but received ${after.length} and ${before.length}`,
    );
  }
  return median(after.map((time, round) => time / before[round]));
}

/**
 * The subjects that exceed the limit in every one of the measurements: maps from the name of a subject to its times before
 * and after. A subject that a later measurement does not contain is left out.
 *
 * @param {number} maxRatio
 * @param {...ReadonlyMap<string, readonly [readonly number[], readonly number[]]>} measurements
 * @returns {{ name: string, ratios: number[] }[]} their names and ratios, one for each measurement.
 */
export function slowerThan(maxRatio, ...measurements) {
  const [first, ...others] = measurements;
  const slower = [];
  for (const [name] of first) {
    if (others.some((each) => !each.has(name))) continue;
    const ratios = measurements.map((each) => ratioOf(...each.get(name)));
    // Also for NaN, which no comparison calls fast.
    if (!ratios.some((ratio) => ratio <= maxRatio)) slower.push({ name, ratios });
  }
  return slower;
}
