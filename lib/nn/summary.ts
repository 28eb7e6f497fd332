/** Summarizes values as `-1.3 to 2.1, mean 0.02`, with the number of values that are not finite. */
export function summarize(values: Float32Array): string {
  let [min, max, sum, finite] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    finite++;
  }
  const bad = values.length - finite;
  const warning = bad === 0 ? '' : `${bad} of ${values.length} not finite`;
  if (finite === 0) return warning;
  const range = min === max ? short(min) : `${short(min)} to ${short(max)}, mean ${short(sum / finite)}`;
  return warning === '' ? range : `${range}, ${warning}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
