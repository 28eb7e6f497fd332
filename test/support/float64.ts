// Batch normalization by its formulas in double precision, as a reference for every backend.

/** [N, C, H*W]; a CHW tensor has N = 1. */
export interface Layout {
  readonly images: number;
  readonly channels: number;
  readonly plane: number;
}

/** Indices of all elements of a channel. */
export function* channelIndices({ images, channels, plane }: Layout, channel: number) {
  for (let n = 0; n < images; n++) {
    const start = (n * channels + channel) * plane;
    for (let i = start; i < start + plane; i++) yield i;
  }
}

export interface ChannelReference {
  readonly count: number;
  readonly mean: number;
  /** With divisor n. */
  readonly variance: number;
}

export function channelStatistics(x: ArrayLike<number>, layout: Layout, channel: number): ChannelReference {
  const count = layout.images * layout.plane;
  let mean = 0;
  // Shifted by the first element, so that large means do not reduce the precision of the sum.
  const shift = x[channel * layout.plane];
  for (const i of channelIndices(layout, channel)) mean += x[i] - shift;
  mean = shift + mean / count;
  let m2 = 0;
  for (const i of channelIndices(layout, channel)) m2 += (x[i] - mean) ** 2;
  return { count, mean, variance: m2 / count };
}

export interface TrainingReference {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dscale: Float64Array;
  readonly dbias: Float64Array;
  readonly statistics: readonly ChannelReference[];
}

/** Forward and backward of training. */
export function batchNormReference(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  layout: Layout,
  scale: ArrayLike<number>,
  bias: ArrayLike<number>,
  epsilon: number,
): TrainingReference {
  const y = new Float64Array(x.length);
  const dx = new Float64Array(x.length);
  const dscale = new Float64Array(layout.channels);
  const dbias = new Float64Array(layout.channels);
  const statistics: ChannelReference[] = [];
  for (let c = 0; c < layout.channels; c++) {
    const reference = channelStatistics(x, layout, c);
    statistics.push(reference);
    const { count, mean, variance } = reference;
    const invStd = 1 / Math.sqrt(variance + epsilon);
    for (const i of channelIndices(layout, c)) {
      const xHat = (x[i] - mean) * invStd;
      y[i] = xHat * scale[c] + bias[c];
      dscale[c] += dy[i] * xHat;
      dbias[c] += dy[i];
    }
    for (const i of channelIndices(layout, c)) {
      const xHat = (x[i] - mean) * invStd;
      dx[i] = scale[c] * invStd * (dy[i] - dbias[c] / count - (xHat * dscale[c]) / count);
    }
  }
  return { y, dx, dscale, dbias, statistics };
}
