import { type Gradients, gradientStorage, scaleGradients } from '../core/gradients.js';
import { requireBoolean, requireOptions, wrongType, wrongValue } from '../validation/errors.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { differentiatedParameters, type UnusedOptions } from './optimizer.js';
import { groupsOf, type HasGroups } from './parameter-groups.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of `clipGradNorm`. */
export interface ClipOptions extends UnusedOptions {
  /** The optimizer of the next step, whose frozen parameters do not count and need no gradient. */
  readonly optimizer?: {
    /** Updates the parameters. */
    update(module: CanUpdateWithGradients, gradients: Gradients): void;
  };
}

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
 * @param max The largest norm afterwards, to within rounding; `Infinity` only measures the norm.
 * @returns The norm before scaling. If it is NaN or infinite the gradients stay unchanged, and the caller decides whether
 * to skip the step.
 * @throws UnusedParamsError if a parameter has no gradient, unless `skipUnused` is set; nothing has changed then.
 */
export function clipGradNorm(
  module: CanUpdateWithGradients,
  gradients: Gradients,
  max: number,
  options?: ClipOptions,
): number {
  if (arguments.length > 4) requireNoSurplus('clipGradNorm', 4, arguments);
  if (typeof max !== 'number') throw wrongType('max', 'a positive number', max);
  if (!(max > 0)) throw wrongValue('max', 'a positive number', String(max));
  const { skipUnused = false, optimizer } = requireOptions('options', options, ['skipUnused', 'optimizer']);
  requireBoolean('skipUnused', skipUnused);
  const candidate = optimizer as (HasGroups & { readonly update?: unknown }) | null | undefined;
  if (candidate !== undefined && typeof candidate?.update !== 'function') {
    throw wrongType('optimizer', 'an object with update()', optimizer);
  }
  const parameters = differentiatedParameters(module, gradients, skipUnused === true, candidate?.[groupsOf]);

  let sum = 0;
  for (const parameter of parameters) {
    const values = gradientStorage(gradients, parameter)?.values ?? [];
    for (const value of values) sum += value * value;
  }
  const norm = Math.sqrt(sum);
  if (Number.isFinite(norm) && norm > max) scaleGradients(gradients, parameters, max / norm);
  return norm;
}
