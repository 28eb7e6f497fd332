import type { Operations } from '../operations.js';

export const rmspropStep: Operations['rmspropStep'] = (
  n,
  learningRate,
  alpha,
  epsilon,
  momentum,
  l2,
  decoupled,
  parameter,
  gradient,
  meanSquare,
  velocity,
  meanGradient,
) => {
  for (let i = 0; i < n; i++) {
    const p = parameter[i];
    const g = gradient[i] + l2 * p;
    const square = meanSquare[i] + (1 - alpha) * (g * g - meanSquare[i]);
    meanSquare[i] = square;
    let variance = square;
    if (meanGradient !== null) {
      const mean = meanGradient[i] + (1 - alpha) * (g - meanGradient[i]);
      meanGradient[i] = mean;
      variance = Math.max(0, variance - mean * mean);
    }
    let direction = g / Math.sqrt(variance + epsilon);
    if (velocity !== null) {
      direction += momentum * velocity[i];
      velocity[i] = direction;
    }
    parameter[i] = p - learningRate * (direction + decoupled * p);
  }
};
