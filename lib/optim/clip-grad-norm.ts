import { type Gradients, gradientStorage, scaleGradients } from '../core/gradients.js';
import { requirePositive } from '../validation/errors.js';
import type { CanUpdateWithGradients } from '../nn/module.js';
import { differentiatedParameters } from './optimizer.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/**
 * Makes all gradients of a module's parameters smaller by the same factor, in place, where their norm is
 * above `max` (Pascanu et al., 2013):
 *
 *     norm = sqrt(sum over all parameters of g^2)
 *     g = g * max / norm   where norm > max
 *
 * The sum is one in float64 over all parameters; one that several layers share counts once.
 *
 * @param gradients What `backward` gave; the optimizer takes it next.
 * @param max The norm that they have at most afterwards, to within rounding.
 * @returns The norm before. Where it is NaN or infinite the gradients are as they were: what no number says
 * cannot be scaled away, and skipping the step is for the caller to decide.
 * @throws UnusedParamsError where a parameter has no gradient; nothing has changed then.
 */
export function clipGradNorm(module: CanUpdateWithGradients, gradients: Gradients, max: number): number {
  if (arguments.length > 3) requireNoSurplus('clipGradNorm', 3, arguments);
  requirePositive('max', max);
  const parameters = differentiatedParameters(module, gradients);

  let sum = 0;
  for (const parameter of parameters) {
    const values = gradientStorage(gradients, parameter)?.values ?? [];
    for (const value of values) sum += value * value;
  }
  const norm = Math.sqrt(sum);
  if (Number.isFinite(norm) && norm > max) scaleGradients(gradients, parameters, max / norm);
  return norm;
}
