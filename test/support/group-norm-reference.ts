/** A tensor [images][groups][channels][plane] whose groups are normalized. */
export interface GroupGeometry {
  readonly images: number;
  readonly groups: number;
  readonly channels: number;
  readonly plane: number;
}

export interface GroupNormReference {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dscale: Float64Array;
  readonly dbias: Float64Array;
  /** The largest error that the numerics contract allows, by index. */
  readonly bounds: Readonly<Record<'y' | 'dx' | 'dscale' | 'dbias', (index: number) => number>>;
}

/**
 * Computes group norm and its gradients by their formulas in float64, with an error bound for each float32 result.
 *
 * @param centered Whether the mean is subtracted; if not, it is 0 (RMS norm).
 */
export function groupNormReference(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  { images, groups, channels, plane }: GroupGeometry,
  scale: ArrayLike<number> | undefined,
  bias: ArrayLike<number> | undefined,
  epsilon = 1e-5,
  centered = true,
): GroupNormReference {
  const length = channels * plane;
  const parameters = groups * channels;
  const rows = images * groups;
  const xhat = new Float64Array(x.length);
  const [y, dx] = [new Float64Array(x.length), new Float64Array(x.length)];
  const [dscale, dbias] = [new Float64Array(parameters), new Float64Array(parameters)];
  const [scaleTerms, biasTerms] = [new Float64Array(parameters), new Float64Array(parameters)];
  const [largestXhat, largestTerm] = [new Float64Array(rows), new Float64Array(rows)];
  const parameterOf = (i: number) => Math.floor(i / plane) % parameters;
  const scaleOf = (i: number) => scale?.[parameterOf(i)] ?? 1;
  for (let row = 0; row < rows; row++) {
    const indices = Array.from({ length }, (_, i) => row * length + i);
    const average = (term: (i: number) => number) => indices.reduce((sum, i) => sum + term(i), 0) / length;
    const mean = centered ? average((i) => x[i]) : 0;
    const invStd = 1 / Math.sqrt(average((i) => (x[i] - mean) ** 2) + epsilon);
    for (const i of indices) {
      xhat[i] = (x[i] - mean) * invStd;
      largestXhat[row] = Math.max(largestXhat[row], Math.abs(xhat[i]));
      largestTerm[row] = Math.max(largestTerm[row], Math.abs(scaleOf(i) * invStd * dy[i]));
    }
    const gradientMean = centered ? average((i) => dy[i] * scaleOf(i)) : 0;
    const projection = average((i) => dy[i] * scaleOf(i) * xhat[i]);
    const meanXhat = centered ? Math.sqrt(average((i) => xhat[i] ** 2)) : 0;
    for (const i of indices) {
      const parameter = parameterOf(i);
      y[i] = xhat[i] * scaleOf(i) + (bias?.[parameter] ?? 0);
      dx[i] = invStd * (dy[i] * scaleOf(i) - gradientMean - xhat[i] * projection);
      dscale[parameter] += dy[i] * xhat[i];
      dbias[parameter] += dy[i];
      // A mean within 1e-6 deviations shifts every xhat. Where a parameter does not see the whole group, that error may
      // exceed its own terms.
      const error = channels === 1 ? 0 : meanXhat;
      scaleTerms[parameter] += Math.abs(dy[i]) * Math.max(Math.abs(xhat[i]), error);
      biasTerms[parameter] += Math.abs(dy[i]);
    }
  }
  const rowOf = (i: number) => Math.floor(i / length);
  return {
    ...{ y, dx, dscale, dbias },
    bounds: {
      y: (i) =>
        1e-6 * Math.max(Math.abs(scaleOf(i)) * largestXhat[rowOf(i)], Math.abs(bias?.[parameterOf(i)] ?? 0)),
      dx: (i) => 4e-6 * largestTerm[rowOf(i)],
      dscale: (parameter) => 1e-6 * scaleTerms[parameter],
      dbias: (parameter) => 1e-6 * biasTerms[parameter],
    },
  };
}
