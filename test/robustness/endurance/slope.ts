export interface Slope {
  /** Slope of the least-squares line. */
  readonly perStep: number;
  /** Half the width of its 95 % confidence interval. */
  readonly uncertainty: number;
}

const blocks = 10;
/** Student's t for 95 %, two-sided, with blocks - 2 degrees of freedom. */
const t = 2.306;

/**
 * How y grows with x. Memory samples are autocorrelated because of garbage collection, which would make the confidence
 * interval too narrow: the line is fitted to the means of ten blocks of neighboring samples.
 */
export function slopeOf(x: readonly number[], y: readonly number[]): Slope {
  const size = Math.floor(x.length / blocks);
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const block = (values: readonly number[], i: number) => mean(values.slice(i * size, (i + 1) * size));
  const xs = Array.from({ length: blocks }, (_, i) => block(x, i));
  const ys = Array.from({ length: blocks }, (_, i) => block(y, i));
  const xMean = mean(xs);
  const yMean = mean(ys);
  const spread = xs.reduce((sum, each) => sum + (each - xMean) ** 2, 0);
  const perStep = xs.reduce((sum, each, i) => sum + (each - xMean) * (ys[i] - yMean), 0) / spread;
  const residuals = ys.reduce((sum, each, i) => sum + (each - yMean - perStep * (xs[i] - xMean)) ** 2, 0);
  return { perStep, uncertainty: t * Math.sqrt(residuals / (blocks - 2) / spread) };
}
