import { requiresGradient, setRequiresGradient, type Tensor } from '../core/tensor.js';
import type { Shape } from '../core/shape.js';
import type { NamedTensor } from '../module/module.js';
import { isMatch, matchText, type ParameterMatch, readMatch } from '../module/parameter-match.js';
import { wrongValue } from '../validation/errors.js';

/** Whether training leaves the tensor of a module alone. */
export function isFrozen(tensor: Tensor<Shape>): boolean {
  return !requiresGradient(tensor);
}

/**
 * Freezes or unfreezes the tensors that a pattern selects; all of them without one.
 * @throws RangeError for a pattern that selects none, TypeError for anything but a pattern. Nothing has changed then.
 */
export function setFrozen(
  tensors: readonly NamedTensor[],
  match: ParameterMatch | undefined,
  frozen: boolean,
): void {
  const selected = match === undefined ? tensors : select(tensors, readMatch('match', match));
  for (const [, tensor] of selected) setRequiresGradient(tensor, !frozen);
}

function select(tensors: readonly NamedTensor[], match: ParameterMatch): readonly NamedTensor[] {
  const selected = tensors.filter(([name, tensor]) => isMatch(match, name, tensor, 'match()'));
  if (selected.length > 0) return selected;
  const example = tensors.length === 0 ? '' : `, such as ${tensors[0][0]}`;
  throw wrongValue(
    'match',
    'a pattern that matches a tensor of the module',
    `${matchText(match)}, which matches none of ${tensors.length}${example}`,
  );
}
