/**
 * V8 collects garbage before it refuses an allocation, and it always refuses this one. It frees the memory of array
 * buffers in the background; a second collection waits for that.
 */
export function collectGarbage(): void {
  for (let i = 0; i < 2; i++) {
    try {
      new ArrayBuffer(2 ** 46);
    } catch {
      // The collection is done.
    }
  }
}
