import { Storage } from '../core/storage.js';
import { storageOf } from '../core/tensor.js';
import { distinctTensors } from './members.js';
import { statisticsIn } from './norm/running-statistics.js';

/** Whether a reset of a module around is running, which restores everything inside. */
let running = false;

/** Runs a reset of a module, and puts everything back where it throws. */
export function resetAll(module: object, reset: () => void): void {
  if (running) {
    reset();
    return;
  }
  const restores = statisticsIn(module).map((statistics) => statistics.keep());
  const kept = distinctTensors(module).map((tensor) => {
    const storage = storageOf(tensor);
    const copy = Storage.take(storage.values.length);
    copy.values.set(storage.values);
    return { storage, copy };
  });
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
