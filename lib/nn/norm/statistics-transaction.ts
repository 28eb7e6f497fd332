// A forwardMut that throws must leave all running statistics unchanged, including those of layers that ran
// before the failing one. While a composition is running, each layer registers how to undo its change; a
// composition that fails undoes the changes registered since it began. This avoids a walk through the network
// in every step.

/** Number of compositions that are running, one inside the other. */
let running = 0;
const undos: (() => void)[] = [];

/** Whether a composition is running, so that changes must be registered. */
export function changesAreNoted(): boolean {
  return running > 0;
}

/** Registers a function that undoes a change. */
export function noteChange(undo: () => void): void {
  undos.push(undo);
}

/** Runs a composition; if it throws, undoes the changes that its layers have registered. */
export function withStatistics<R>(run: () => R): R {
  const before = undos.length;
  running++;
  try {
    return run();
  } catch (error) {
    for (const undo of undos.splice(before).reverse()) undo();
    throw error;
  } finally {
    running--;
    if (running === 0) undos.length = 0;
  }
}
