/** `-1.3 to 2.1, mean 0.02`; says how many values are not finite. */
export function summarize(values: Float32Array): string {
  const finite = values.filter(Number.isFinite);
  const bad = values.length - finite.length;
  const warning = bad === 0 ? '' : `${bad} of ${values.length} not finite`;
  if (finite.length === 0) return warning;
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const value of finite) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  const range =
    least === most ? short(least) : `${short(least)} to ${short(most)}, mean ${short(sum / finite.length)}`; // prettier-ignore
  return warning === '' ? range : `${range}, ${warning}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
