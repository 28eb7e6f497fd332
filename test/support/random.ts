/** Reproducible uniform numbers in [0, 1), by Mulberry32, which is good enough for tests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `length` float32 values around `mean`, within +-`deviation`. */
export function values(rng: () => number, length: number, deviation = 1, mean = 0): Float32Array {
  return Float32Array.from({ length }, () => mean + deviation * (2 * rng() - 1));
}
