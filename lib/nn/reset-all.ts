import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { atPart, distinctTensors, ownerOf } from './members.js';
import { statisticsIn } from './norm/running-statistics.js';

/** Whether the reset of a surrounding module is running, which restores everything inside. */
let running = false;

/** Resets a module; if that throws, restores all its tensors and statistics. */
export function resetAll(module: object, reset: () => void): void {
  if (running) {
    reset();
    return;
  }
  const restores = statisticsIn(module).map((each) => atPart(module, each.owner, () => each.keep()));
  const kept = distinctTensors(module).map((tensor) =>
    atPart(module, ownerOf(tensor), () => keepValues(tensor)),
  );
  running = true;
  try {
    reset();
  } catch (error) {
    for (const { storage, copy } of kept) {
      storage.values.set(copy.values);
      storage.version++;
    }
    for (const restore of restores) restore();
    throw error;
  } finally {
    running = false;
    for (const { copy } of kept) copy.release();
  }
}

function keepValues(tensor: Tensor<Shape>): { readonly storage: Storage; readonly copy: Storage } {
  const storage = storageOf(tensor);
  const copy = Storage.take(storage.values.length);
  copy.values.set(storage.values);
  return { storage, copy };
}
