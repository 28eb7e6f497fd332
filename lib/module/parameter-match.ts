import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { describe, requireBoolean, wrongType } from '../validation/errors.js';
import { quote } from '../validation/quote.js';
import { isRegExp } from '../validation/realm.js';
import { callSync } from '../validation/synchronous.js';

/**
 * Selects tensors of a module: those whose name in `module.parameters()` matches the pattern or begins with the text, or for
 * which the function returns true. It is called once for each name of each tensor.
 */
export type ParameterMatch = RegExp | string | ((name: string, parameter: Tensor<Shape>) => boolean);

/** @throws TypeError for anything that cannot select tensors. */
export function readMatch(argument: string, value: unknown): ParameterMatch {
  if (typeof value === 'string' || typeof value === 'function' || isRegExp(value)) {
    return value as ParameterMatch;
  }
  throw wrongType(argument, 'a regular expression, a prefix or a function', value);
}

/**
 * Whether a tensor is selected.
 * @param method Name of the function in messages.
 */
export function isMatch(
  match: ParameterMatch,
  name: string,
  parameter: Tensor<Shape>,
  method: string,
): boolean {
  if (typeof match === 'string') return name.startsWith(match);
  // Unlike test(), search() ignores where the last match of a global expression ended.
  if (typeof match === 'object') return name.search(match) >= 0;
  return requireBoolean(
    `the result of ${method}`,
    callSync(method, () => match(name, parameter)),
  );
}

/** The pattern, as messages quote it. */
export function matchText(match: ParameterMatch): string {
  if (typeof match === 'string') return quote(match);
  return typeof match === 'object' ? quote(String(match)) : describe(match);
}
