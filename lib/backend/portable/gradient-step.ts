import { rangeError } from '../../validation/errors.js';

/** The distance from one value of a gradient to the next: 0 if one stands for all n. */
export function gradientStep(n: number, dyLength: number): 0 | 1 {
  if (dyLength !== n && dyLength !== 1) {
    throw rangeError('ERR_BATCHNORM_SHAPE', 'Expected n or 1 for dyLength');
  }
  return dyLength === n ? 1 : 0;
}
