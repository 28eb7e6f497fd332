import { isModule } from '../nn/members.js';
import { statisticsIn } from '../nn/norm/running-statistics.js';
import { wrongType } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import type { Group } from './group.js';
import { requireGroup } from './require-group.js';
import { synchronizedTraining } from './synchronized-batch-norm.js';

/**
 * Makes every batch norm layer of a module compute its training passes with the statistics of the batches of all ranks,
 * which may have different sizes or be empty (PyTorch's `SyncBatchNorm`). `forwardMut`, `recalibrate` and compositions
 * use them; inference does not change. Layers keep their classes and files. `DataParallel` calls this function.
 *
 * The statistics are those of one batch with the samples of all ranks. The gradients are, too, if the losses of all ranks
 * add up to the loss of that batch: with n of N samples, scale a mean loss by n / N, as `DataParallel` does.
 *
 * Every rank must run the same layers in the same order, forward and backward.
 *
 * @param model A module with any number of batch norm layers. Later copies made by `clone()` are synchronized, too.
 * @param group A group of one restores the layers' own training pass.
 * @returns The number of batch norm layers.
 * @throws TypeError if `model` is not a module or `group` is not a group.
 */
export function synchronize(model: object, group: Group): number {
  if (arguments.length > 2) requireNoSurplus('synchronize', 2, arguments);
  if (!isModule(model)) throw wrongType('model', 'a module', model);
  const checked = requireGroup('group', group);
  const layers = statisticsIn(model);
  const pass = checked.size === 1 ? undefined : synchronizedTraining(checked);
  for (const each of layers) each.shareTraining(pass);
  return layers.length;
}
