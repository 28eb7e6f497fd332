/** Whether two arrays have equal numbers, NaN being equal to NaN and 0 not to -0. */
export function sameBits(a: Float32Array | undefined, b: Float32Array | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return a.length === b.length && a.every((each, i) => Object.is(each, b[i]));
}
