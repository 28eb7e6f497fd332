// Without TensorFlow.js, so that bench/tfjs.mjs can use it with its own.

/** Random numbers in [0, 1) from a seed: mulberry32. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);
