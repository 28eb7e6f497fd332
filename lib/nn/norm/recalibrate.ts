import { typeError, wrongType, wrongValue } from '../../validation/errors.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape } from '../../core/shape.js';
import type { OwnedTape } from '../../core/tape.js';
import { graphOf, hasConsumedGraph, isTaped, type ShapeOf, type Tensor } from '../../core/tensor.js';
import { type CanUpdateWithGradients, type ModuleMut, readParameters } from '../../module/module.js';
import { isFrozen } from '../freeze.js';
import { atPart } from '../members.js';
import { overrides } from '../overriding.js';
import { statisticsIn } from './running-statistics.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/**
 * Recomputes the running statistics of all batch norm layers of a module that are not frozen as the mean of the statistics of
 * each batch. Use it after averaging weights, or if the running statistics come from few batches (PyTorch's
 * `update_bn`). Parameters and momentum do not change.
 *
 * @param module The module; its `forwardMut` is called with each batch.
 * @param batches Inputs without a tape.
 * @returns The number of batches.
 * @throws RangeError if there are no batches; TypeError if the module has no batch norm layer; Error if another
 * call is running on the same layers; errors of the module. The statistics have not changed then.
 */
export async function recalibrate<X extends Tensor<Shape>>(
  module: CanUpdateWithGradients & ModuleMut<Tensor<ShapeOf<X>, OwnedTape>, unknown>,
  batches: Iterable<X> | AsyncIterable<X>,
): Promise<number> {
  if (arguments.length > 2) requireNoSurplus('recalibrate', 2, arguments);
  if (typeof (module as unknown as Partial<typeof module> | null)?.forwardMut !== 'function') {
    throw wrongType('module', 'an object with forwardMut()', module);
  }
  if (overrides(module, 'parameters')) readParameters('module', module);
  const statistics = statisticsIn(module).filter(({ mean }) => !isFrozen(mean));
  requireIterable('batches', batches);
  if (statistics.length === 0) {
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      'Expected a module with batch norm layers in its parameters() that are not frozen, but it has none',
    );
  }
  const restores = statistics.map((each) => atPart(module, each.owner, () => each.keep()));
  const ends: (() => void)[] = [];
  let count = 0;
  try {
    for (const each of statistics) ends.push(atPart(module, each.owner, () => each.average()));
    for await (const batch of batches) {
      const x = readBatch(`batches[${count}]`, batch);
      const traced = x.trace() as Tensor<ShapeOf<X>, OwnedTape>;
      try {
        module.forwardMut(traced);
      } finally {
        // backward is not called, so release the graph's memory here.
        if (!hasConsumedGraph(traced)) graphOf(traced)?.consume(new Set());
      }
      count++;
    }
    if (count === 0) throw wrongValue('batches', 'at least one batch', 'none');
  } catch (error) {
    for (const restore of restores) restore();
    throw error;
  } finally {
    for (const end of ends) end();
  }
  return count;
}

function requireIterable(argument: string, value: unknown): void {
  const candidate = value as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
  const isOne =
    typeof value === 'object' &&
    !ArrayBuffer.isView(value) &&
    (typeof candidate?.[Symbol.asyncIterator] === 'function' ||
      typeof candidate?.[Symbol.iterator] === 'function');
  if (!isOne) throw wrongType(argument, 'something to iterate over', value);
}

function readBatch(argument: string, value: unknown): Tensor<Shape> {
  const tensor = requireTensor(argument, value);
  if (isTaped(tensor)) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      `Expected a tensor without a tape for ${argument} but received one with a tape`,
    );
  }
  return tensor as Tensor<Shape>;
}
