/**
 * y = (x - mean) * factor + shift for the elements from `begin` to `end`; with `relu`, max(0, y + residual).
 * Each step is rounded to float32 as by separate operations. y may be x or residual.
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
    // Written so that NaN stays NaN.
    y[i] = sum < 0 ? 0 : sum;
  }
}
