import type { Layout } from '../../support/float64.js';

/** One input of training and its backward pass. */
export interface Case {
  readonly name: string;
  readonly layout: Layout;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  /** One per channel each. */
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** The results of an implementation; `mean` is its most precise value, before rounding if available. */
export interface Result {
  readonly y: Float32Array;
  readonly mean: Float64Array;
  /** Divided by n. */
  readonly variance: Float64Array;
  readonly dx: Float32Array;
  readonly dscale: Float32Array;
  readonly dbias: Float32Array;
}

/** Value `i` of the `n` of a channel. */
export type Pattern = (random: () => number, i: number, n: number, channel: number) => number;

/** An array of the layout whose channels follow the pattern, which is called in order within each channel. */
export function fill(layout: Layout, random: () => number, pattern: Pattern): Float32Array {
  const { images, channels, plane } = layout;
  const values = new Float32Array(images * channels * plane);
  for (let channel = 0; channel < channels; channel++) {
    for (let image = 0; image < images; image++) {
      const start = (image * channels + channel) * plane;
      for (let pixel = 0; pixel < plane; pixel++) {
        const i = image * plane + pixel;
        values[start + pixel] = pattern(random, i, images * plane, channel);
      }
    }
  }
  return values;
}

/** Box and Muller, 1958. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
