/**
 * y = (x - mean) * factor + shift from `begin` to `end`, and with `relu` max(0, y + residual), each step rounded to
 * float32 as separate operations would round it. y may be x or residual.
 */
export function normalize(
  begin: number,
  end: number,
  mean: number,
  factor: number,
  shift: number,
  relu: boolean,
  x: Float32Array,
  residual: Float32Array | null,
  y: Float32Array,
): void {
  if (!relu) {
    for (let i = begin; i < end; i++) y[i] = (x[i] - mean) * factor + shift;
    return;
  }
  for (let i = begin; i < end; i++) {
    const normalized = Math.fround((x[i] - mean) * factor + shift);
    const sum = residual === null ? normalized : normalized + residual[i];
    // Compared this way round, a NaN stays one.
    y[i] = sum < 0 ? 0 : sum;
  }
}
