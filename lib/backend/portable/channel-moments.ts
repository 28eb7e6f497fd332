/**
 * Mean and sum of squared deviations of one channel, by two passes in double precision. The textbook formula
 * is accurate enough in double, which costs no more than float in JavaScript.
 */
export function channelMoments(
  images: number,
  channels: number,
  plane: number,
  channel: number,
  x: Float32Array,
): { readonly mean: number; readonly m2: number } {
  const imageStride = channels * plane;
  const first = channel * plane;
  // A double holds the sum of 2^29 equal floats exactly, so the mean of a constant channel is the constant.
  let sum = 0;
  for (let image = 0; image < images; image++) {
    const begin = first + image * imageStride;
    for (let i = begin; i < begin + plane; i++) sum += x[i];
  }
  const mean = sum / (images * plane);
  let m2 = 0;
  for (let image = 0; image < images; image++) {
    const begin = first + image * imageStride;
    for (let i = begin; i < begin + plane; i++) {
      const deviation = x[i] - mean;
      m2 += deviation * deviation;
    }
  }
  return { mean, m2 };
}
