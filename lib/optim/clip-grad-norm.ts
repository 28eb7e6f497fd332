import { type Gradients, gradientStorage, scaleGradients } from '../core/gradients.js';
import { requirePositive } from '../validation/errors.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { differentiatedParameters } from './optimizer.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/**
 * Scales all gradients of a module's parameters in place so that their global norm is at most `max` (Pascanu et al.,
 * 2013):
 *
 *     norm = sqrt(sum over all parameters of g^2)
 *     g = g * max / norm   where norm > max
 *
 * The sum is in float64. A parameter that several layers share counts once.
 *
 * @param gradients The result of `backward`, to be passed to the optimizer next.
 * @param max The largest norm afterwards, to within rounding.
 * @returns The norm before scaling. If it is NaN or infinite the gradients stay unchanged, and the caller decides whether
 * to skip the step.
 * @throws UnusedParamsError if a parameter has no gradient; nothing has changed then.
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
