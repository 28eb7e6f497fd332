/** The statistics of the values that all ranks have of each channel. */
export interface GroupMoments {
  /** Number of values of each channel, over all ranks. */
  readonly count: number;
  readonly mean: Float64Array;
  /** Sums of squared deviations from the mean. */
  readonly m2: Float64Array;
}

/** Length of the contribution of a rank: the number of values of each channel, then the means, then the sums m2. */
export function momentsLength(channels: number): number {
  return 1 + 2 * channels;
}

/**
 * Merges the contributions of all ranks in rank order (Chan et al., 1979), so that the result depends only on them:
 *
 *     mean = mean_a + delta * n_b / n
 *     m2   = m2_a + m2_b + delta^2 * n_a * n_b / n     with delta = mean_b - mean_a, n = n_a + n_b
 *
 * Ranks without values are skipped. A channel that is constant over all ranks keeps its value exactly.
 */
export function mergeMoments(gathered: Float64Array, size: number, channels: number): GroupMoments {
  const length = momentsLength(channels);
  const mean = new Float64Array(channels);
  const m2 = new Float64Array(channels);
  let count = 0;
  for (let rank = 0; rank < size; rank++) {
    const begin = rank * length;
    const added = gathered[begin];
    if (added === 0) continue;
    const total = count + added;
    for (let channel = 0; channel < channels; channel++) {
      const addedMean = gathered[begin + 1 + channel];
      const addedM2 = gathered[begin + 1 + channels + channel];
      if (count === 0) {
        mean[channel] = addedMean;
        m2[channel] = addedM2;
      } else {
        const delta = addedMean - mean[channel];
        mean[channel] += delta * (added / total);
        m2[channel] += addedM2 + delta * delta * (count * (added / total));
      }
    }
    count = total;
  }
  return { count, mean, m2 };
}
