// A forwardMut that throws must leave all running statistics as they were, also those of the layers that have run before
// the one that failed. Each layer notes how to take its change back while a composition is running; a composition that
// fails takes back what was noted since it began. Nothing walks through the network for that.

/** Compositions that are running, one inside the other. */
let running = 0;
const undos: (() => void)[] = [];

/** Whether a composition is running, so that changes have to be noted. */
export function changesAreNoted(): boolean {
  return running > 0;
}

/** Notes how to take a change back. */
export function noteChange(undo: () => void): void {
  undos.push(undo);
}

/** Runs a composition; where it throws, takes back the changes that its layers have noted. */
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
