/** V8 collects garbage before it refuses an allocation, and this one it always refuses. */
export function collectGarbage(): void {
  try {
    new ArrayBuffer(2 ** 46);
  } catch {
    // The collection is done.
  }
}
