import type { Operations } from '../operations.js';

/**
 * Number of elements that share 16 counters: the first half takes the counters' first words, the second half
 * their second words.
 */
const group = 32;
const half = group / 2;

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

/**
 * Computes two 32-bit words from a counter and a key of two words each: Threefry-2x32 with 20 rounds (Salmon
 * et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 */
export function threefry(
  counter0: number,
  counter1: number,
  key0: number,
  key1: number,
): readonly [number, number] {
  const keys = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let first = (counter0 + key0) | 0;
  let second = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[round % 8];
    first = (first + second) | 0;
    second = ((second << rotation) | (second >>> (32 - rotation))) ^ first;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    first = (first + keys[injection % 3]) | 0;
    second = (second + keys[(injection + 1) % 3] + injection) | 0;
  }
  return [first >>> 0, second >>> 0];
}

export const dropout: Operations['dropout'] = (n, key0, key1, p, scale, x, y) => {
  // The native kernels compare and multiply in float32.
  const limit = Math.fround(p);
  const factor = Math.fround(scale);
  const keep = (i: number, word: number): void => {
    if (i < n) y[i] = (word >>> 8) / 2 ** 24 < limit ? 0 : x[i] * factor;
  };
  for (let begin = 0; begin < n; begin += group) {
    for (let i = begin; i < Math.min(n, begin + half); i++) {
      const [first, second] = threefry(begin / 2 + i - begin, 0, key0, key1);
      keep(i, first);
      keep(i + half, second);
    }
  }
};
