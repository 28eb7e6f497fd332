// Operations that every backend computes in JavaScript: `Math.sin` and `Math.cos` are accurate for arguments of any size, and
// networks spend no time in them.

/** They have the form of the backend's operations. */
export const scriptOperations = {
  sin(n: number, x: Float32Array, y: Float32Array): void {
    for (let i = 0; i < n; i++) y[i] = Math.sin(x[i]);
  },
  cos(n: number, x: Float32Array, y: Float32Array): void {
    for (let i = 0; i < n; i++) y[i] = Math.cos(x[i]);
  },
  /** In double precision. Not a kernel: the common exponents have methods that are, `square` and `sqrt`. */
  pow(n: number, exponent: number, x: Float32Array, y: Float32Array): void {
    for (let i = 0; i < n; i++) y[i] = x[i] ** exponent;
  },
};

export type ScriptOperation = keyof typeof scriptOperations;
