import fc from 'fast-check';
import type { Seen } from './state.js';
import { type Step, World } from './world.js';

// Without fast-check's bias toward small numbers, which would mostly choose the first actions.
const choice = fc.noBias(fc.nat(999));

/** Any steps, in any order. */
const steps: fc.Arbitrary<Step[]> = fc.noBias(
  fc.array(fc.record({ action: choice, a: choice, b: choice, c: choice }), {
    minLength: 1,
    maxLength: 50,
    size: 'max',
  }),
);

/** Runs the given number of sequences and shrinks failing ones. Returns the counts of outcomes. */
export async function runSequences(count: number, seed: number, path: string): Promise<Seen> {
  const seen = { done: 0, refused: 0, compared: 0, backward: 0, differentiated: 0 };
  const property = fc.asyncProperty(steps, async (sequence) => {
    const world = new World(path, seen);
    try {
      for (const step of sequence) await world.step(step);
    } finally {
      world.close();
    }
  });
  await fc.assert(property, { numRuns: count, seed, endOnFailure: false });
  return seen;
}
