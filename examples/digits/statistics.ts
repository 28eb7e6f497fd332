import type { CanUpdateWithGradients, NamedTensor } from 'batchnorm';

/** The batch norm layers of a network, named by their paths in its `.npz` file. */
export function normsOf(network: CanUpdateWithGradients): readonly string[] {
  return runningMeans(network).map(([name]) => name.slice(0, -ending.length));
}

/**
 * Summarizes the running statistics of each layer in two numbers: the root mean square of its running means and the mean
 * of its running variances. First the means of all layers, then the variances.
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
