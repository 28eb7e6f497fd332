import { checkpointPrefix } from '../io/npz/npz-files.js';
import { elementCount } from '../core/shape.js';
import type { InspectedArray } from './inspected-array.js';

/** The purpose of an array, inferred from its name. */
export type ArrayGroup = 'weights' | 'statistics' | 'settings' | 'optimizer' | 'checkpoint';

/** Numbers of values in a file, without settings and the checkpoint's other entries. */
export interface ParameterCounts {
  /** Learned by training. */
  readonly weights: number;
  /** Means and variances, which training measures. */
  readonly statistics: number;
  readonly optimizer: number;
}

const optimizerState = new RegExp(
  [
    // Names of this package, with or without a prefix: sgd.lr, adam.moment1.0.weight.
    String.raw`(^|\.)(sgd|adam|rmsprop)\.(lr|steps|momentum|nesterov|beta[12]|epsilon|alpha|centered|l2|decoupled)$`,
    String.raw`(^|\.)(sgd|adam|rmsprop)\.(velocity|moment[12]|mean_square|mean_gradient)\.`,
    // Names of PyTorch.
    String.raw`(^|\.)(exp_avg|exp_avg_sq|max_exp_avg_sq|momentum_buffer|square_avg|grad_avg)$`,
  ].join('|'),
);
// The last two are this package's names in an ONNX file.
const statistics = /(^|[./])(running_mean|running_var|runningMean|runningVar)$/;
// PyTorch's counter of batches is neither trained nor a statistic, and .npz files lack it.
const settings = /(^|[./])(epsilon|momentum|num_batches_tracked)$/;

export function groupOf({ name, shape }: Pick<InspectedArray, 'name' | 'shape'>): ArrayGroup {
  const plain = name.replace(/\.npy$/, '');
  if (plain.startsWith(`${checkpointPrefix}optimizer.`) || optimizerState.test(plain)) {
    return 'optimizer';
  }
  if (plain.startsWith(checkpointPrefix)) return 'checkpoint';
  if (statistics.test(plain)) return 'statistics';
  return settings.test(plain) && elementCount(shape) === 1 ? 'settings' : 'weights';
}

export function countParameters(arrays: readonly InspectedArray[]): ParameterCounts {
  const counts = { weights: 0, statistics: 0, optimizer: 0 };
  for (const array of arrays) {
    const group = groupOf(array);
    if (group in counts) counts[group as keyof ParameterCounts] += elementCount(array.shape);
  }
  return counts;
}
