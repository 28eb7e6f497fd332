import type { Operations } from '../operations.js';

export const sgdStep: Operations['sgdStep'] = (
  n,
  learningRate,
  l2,
  decoupled,
  momentum,
  nesterov,
  parameter,
  gradient,
  velocity,
) => {
  for (let i = 0; i < n; i++) {
    const p = parameter[i];
    let direction = gradient[i] + l2 * p;
    if (velocity !== null) {
      const v = momentum * velocity[i] + direction;
      direction = nesterov ? momentum * v + direction : v;
      velocity[i] = v;
    }
    parameter[i] = p - (learningRate * direction + learningRate * decoupled * p);
  }
};
