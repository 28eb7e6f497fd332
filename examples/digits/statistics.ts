import type { CanUpdateWithGradients, NamedTensor } from 'batchnorm';

/** The batch norm layers of a network, named after their place in it as in its `.npz` file. */
export function normsOf(network: CanUpdateWithGradients): readonly string[] {
  return runningMeans(network).map(([name]) => name.slice(0, -ending.length));
}

/**
 * Running statistics in two numbers for each layer: the root of the mean square of its channels' running means,
 * and the mean of their running variances. First those of all layers' means, then of all variances.
 */
export function statisticsOf(network: CanUpdateWithGradients): readonly number[] {
  const variances = network.parameters().filter(([name]) => name.endsWith('.runningVar'));
  return [
    ...runningMeans(network).map(([, { data }]) => Math.sqrt(meanOf(data.map((value) => value * value)))),
    ...variances.map(([, { data }]) => meanOf(data)),
  ];
}

const ending = '.runningMean';

function runningMeans(network: CanUpdateWithGradients): readonly NamedTensor[] {
  return network.parameters().filter(([name]) => name.endsWith(ending));
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
