/** Sums of dy and of dy * (x - mean) of one channel, in double precision. */
export function channelGradientSums(
  images: number,
  channels: number,
  plane: number,
  channel: number,
  x: Float32Array,
  dy: Float32Array,
  mean: number,
): { readonly sumDy: number; readonly sumDyXmu: number } {
  // Images without pixels need no memory, so their number may be huge: return early.
  if (plane === 0) return { sumDy: 0, sumDyXmu: 0 };
  const imageStride = channels * plane;
  let sumDy = 0;
  let sumDyXmu = 0;
  for (let image = 0; image < images; image++) {
    const begin = channel * plane + image * imageStride;
    for (let i = begin; i < begin + plane; i++) {
      sumDy += dy[i];
      sumDyXmu += dy[i] * (x[i] - mean);
    }
  }
  return { sumDy, sumDyXmu };
}

/** dx of one channel from such sums over `count` values; dx may be dy. */
export function channelInputGradient(
  images: number,
  channels: number,
  plane: number,
  channel: number,
  x: Float32Array,
  dy: Float32Array,
  mean: number,
  invStd: number,
  scale: number,
  count: number,
  { sumDy, sumDyXmu }: { readonly sumDy: number; readonly sumDyXmu: number },
  dx: Float32Array,
): void {
  if (plane === 0) return;
  const imageStride = channels * plane;
  const dyMean = sumDy / count;
  const xhatCoefficient = (invStd * invStd * sumDyXmu) / count;
  const factor = scale * invStd;
  for (let image = 0; image < images; image++) {
    const begin = channel * plane + image * imageStride;
    for (let i = begin; i < begin + plane; i++) {
      dx[i] = (dy[i] - dyMean - (x[i] - mean) * xhatCoefficient) * factor;
    }
  }
}
