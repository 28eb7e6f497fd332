import { mersenne, mersenneFromState } from 'pure-rand/generator/mersenne';
import { describe, wrongType, wrongValue } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/**
 * A seeded source of random numbers whose state can be saved. It is a function without arguments, so it can be passed wherever
 * an `rng` is accepted.
 */
export interface RandomGenerator {
  /** The next number, uniformly distributed in [0, 1): a multiple of 2^-53. */
  (): number;
  /** The complete state: 625 integers. */
  getState(): readonly number[];
  /**
   * Continues from a state of `getState`.
   * @throws TypeError or RangeError for anything else; the state has not changed then.
   */
  setState(state: readonly number[]): void;
}

const [length, maxSeed] = [625, 2 ** 32 - 1];
const expectedState = `an array of ${length} integers from getState()`;

/**
 * Creates a generator whose numbers depend only on the seed, on every platform: the Mersenne Twister MT19937 (Matsumoto and
 * Nishimura, 1998). It returns the numbers of `numpy.random.RandomState(seed).random_sample()`. Not for cryptography.
 *
 * @param seed An integer from 0 to 2^32 - 1.
 * @throws TypeError or RangeError for another seed.
 *
 * @example
 * const rng = randomGenerator(42);
 * const model = new Sequential(new Linear(4, 8, { rng }), new ReLU(), new Dropout(0.5, { rng }), new Linear(8, 3, { rng }));
 * const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, rng });
 * await saveCheckpoint('run.npz', { model, generators: { rng } });
 */
export function randomGenerator(seed: number): RandomGenerator {
  if (arguments.length > 1) requireNoSurplus('randomGenerator', 1, arguments);
  const expected = `an integer from 0 to ${maxSeed}`;
  if (typeof seed !== 'number') throw wrongType('seed', expected, seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > maxSeed) {
    throw wrongValue('seed', expected, String(seed));
  }
  let generator = mersenne(seed);
  // 27 and 26 bits of two numbers, as in the authors' genrand_res53.
  const next = () => ((generator.next() >>> 5) * 2 ** 26 + (generator.next() >>> 6)) / 2 ** 53;
  return Object.assign(next, {
    getState: (): readonly number[] => generator.getState(),
    setState(state: readonly number[]) {
      generator = mersenneFromState(readState(state));
    },
  });
}

function readState(state: unknown): readonly number[] {
  if (!Array.isArray(state)) throw wrongType('state', expectedState, state);
  const [index, ...words] = state as readonly unknown[];
  const isState =
    state.length === length &&
    isInteger(index, 0, length - 2) &&
    words.every((word) => isInteger(word, -(2 ** 31), 2 ** 31 - 1)) &&
    // From zeros, all numbers would be 0.
    words.some((word) => word !== 0);
  if (isState) return state as readonly number[];
  throw wrongValue('state', expectedState, `another one, ${describe(state)}`);
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
