import type { GroupArray, Reduction } from './group.js';

type Combine = (total: number, value: number) => number;

const combine: Readonly<Record<Exclude<Reduction, 'sum' | 'mean'>, Combine>> = {
  min: Math.min,
  max: Math.max,
};

/**
 * Combines the arrays of all ranks in rank order, in double precision. Every transport computes this, so that the
 * bits are the same on each.
 * @param from Index of the first element of `target` to write; the sources start there, too.
 */
export function reduceInto(
  target: GroupArray,
  sources: readonly GroupArray[],
  reduction: Reduction,
  from = 0,
  to = target.length,
): void {
  const [first, ...others] = sources;
  if (first === undefined) return;
  if (reduction === 'min' || reduction === 'max') {
    const choose = combine[reduction];
    for (let i = from; i < to; i++) {
      let chosen = first[i];
      for (const source of others) chosen = choose(chosen, source[i]);
      target[i] = chosen;
    }
    return;
  }
  const [second] = others;
  if (second !== undefined && others.length === 1 && reduction === 'sum') {
    // Without a loop over the ranks, which takes as long as the additions.
    for (let i = from; i < to; i++) target[i] = first[i] + second[i];
    return;
  }
  for (let i = from; i < to; i++) {
    let total = first[i];
    for (const source of others) total += source[i];
    target[i] = reduction === 'mean' ? total / sources.length : total;
  }
}
