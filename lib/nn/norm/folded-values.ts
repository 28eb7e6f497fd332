/** The numbers of a layer with weights [C, ...] and a bias [C], and of the batch norm after it. */
export interface UnfoldedValues {
  readonly weight: Float32Array;
  /** Undefined for zeros. */
  readonly layerBias: Float32Array | undefined;
  /** Undefined for ones. */
  readonly scale: Float32Array | undefined;
  /** Undefined for zeros. */
  readonly shift: Float32Array | undefined;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/**
 * Writes the weights and the bias of the layer that replaces both. They are computed in double precision and rounded once.
 * `weight` and `bias` may not be arrays of `given`.
 */
export function writeFolded(given: UnfoldedValues, weight: Float32Array, bias: Float32Array): void {
  const { layerBias, scale, shift, mean, variance, epsilon } = given;
  const channels = mean.length;
  const length = weight.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const factor = (scale?.[channel] ?? 1) / Math.sqrt(variance[channel] + epsilon);
    for (let i = channel * length; i < (channel + 1) * length; i++) weight[i] = given.weight[i] * factor;
    const offset = (layerBias?.[channel] ?? 0) - mean[channel];
    bias[channel] = offset * factor + (shift?.[channel] ?? 0);
  }
}
