import type { Operations } from '../operations.js';

export const adamStep: Operations['adamStep'] = (
  n,
  learningRate,
  beta1,
  beta2,
  correction1,
  correction2,
  epsilon,
  l2,
  decoupled,
  parameter,
  gradient,
  moment1,
  moment2,
  maxMoment2,
) => {
  for (let i = 0; i < n; i++) {
    const p = parameter[i];
    const g = gradient[i] + l2 * p;
    const m = beta1 * moment1[i] + (1 - beta1) * g;
    let v = beta2 * moment2[i] + (1 - beta2) * g * g;
    moment1[i] = m;
    moment2[i] = v;
    if (maxMoment2 !== null) {
      // Not Math.max, because kernels keep a NaN of v only.
      v = maxMoment2[i] > v ? maxMoment2[i] : v;
      maxMoment2[i] = v;
    }
    const direction = (m * correction1) / (Math.sqrt(v * correction2) + epsilon);
    parameter[i] = p - learningRate * (direction + decoupled * p);
  }
};
