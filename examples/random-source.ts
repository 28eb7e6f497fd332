// Seeds: batchnorm takes random numbers from a function, such as Math.random or this one from pure-rand. The
// same seed gives the same numbers on every platform.
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { mersenne } from 'pure-rand/generator/mersenne';
import type { RandomSource } from 'batchnorm';

export function randomSource(seed: number): RandomSource {
  const generator = mersenne(seed);
  return () => uniformFloat64(generator);
}
