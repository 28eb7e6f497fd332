import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { isFrozen } from './freeze.js';
import { atPart, distinctTensors, ownerOf } from './members.js';
import { statisticsIn } from './norm/running-statistics.js';

/** Whether the reset of a surrounding module is running, which restores everything inside. */
let running = false;

/** Resets the tensors of a module that are not frozen; if that throws, restores all its tensors and statistics. */
export function resetAll(module: object, reset: () => void): void {
  if (running) {
    reset();
    return;
  }
  const statistics = statisticsIn(module).map((each) => ({
    isFrozen: isFrozen(each.mean),
    restore: atPart(module, each.owner, () => each.keep()),
  }));
  const kept = distinctTensors(module).map((tensor) =>
    atPart(module, ownerOf(tensor), () => keepValues(tensor)),
  );
  running = true;
  try {
    reset();
    restoreValues(kept.filter((each) => each.isFrozen));
    for (const each of statistics) if (each.isFrozen) each.restore();
  } catch (error) {
    restoreValues(kept);
    for (const { restore } of statistics) restore();
    throw error;
  } finally {
    running = false;
    for (const { copy } of kept) copy.release();
  }
}

interface KeptValues {
  readonly storage: Storage;
  readonly copy: Storage;
  readonly isFrozen: boolean;
}

function restoreValues(kept: readonly KeptValues[]): void {
  for (const { storage, copy } of kept) {
    storage.values.set(copy.values);
    storage.version++;
  }
}

function keepValues(tensor: Tensor<Shape>): KeptValues {
  const storage = storageOf(tensor);
  const copy = Storage.take(storage.values.length);
  copy.values.set(storage.values);
  return { storage, copy, isFrozen: isFrozen(tensor) };
}
