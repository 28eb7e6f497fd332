import { checkpointPrefix } from '../io/npz/npz-files.js';
import { elementCount } from '../core/shape.js';
import type { InspectedArray } from './inspected-array.js';

/** What an array is for, as its name tells. */
export type ArrayGroup = 'weights' | 'statistics' | 'settings' | 'optimizer' | 'checkpoint';

/** Values in a file, except settings and what else a checkpoint remembers. */
export interface ParameterCounts {
  /** What a training learns. */
  readonly weights: number;
  /** Means, variances and counts of batches, which a training measures. */
  readonly statistics: number;
  readonly optimizer: number;
}

const optimizerState = new RegExp(
  [
    // Ours, with or without a prefix: sgd.lr, adam.moment1.0.weight.
    String.raw`(^|\.)(sgd|adam|rmsprop)\.(lr|steps|momentum|nesterov|beta[12]|epsilon|alpha|centered|l2|decoupled)$`,
    String.raw`(^|\.)(sgd|adam|rmsprop)\.(velocity|moment[12]|mean_square|mean_gradient)\.`,
    // PyTorch's.
    String.raw`(^|\.)(exp_avg|exp_avg_sq|max_exp_avg_sq|momentum_buffer|square_avg|grad_avg)$`,
  ].join('|'),
);
const statistics = /(^|[./])(running_mean|running_var|num_batches_tracked)$/;
const settings = /(^|[./])(epsilon|momentum)$/;

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
