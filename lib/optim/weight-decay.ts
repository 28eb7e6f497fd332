import { requireNonNegative, requireOptions } from '../errors.js';

/** A number is L2, added to the gradient; `decoupled` shrinks the parameter itself (Loshchilov and
 * Hutter, 2019). */
export type WeightDecay = number | { readonly decoupled: number };

export interface DecayRates {
  readonly l2: number;
  readonly decoupled: number;
}

export function readWeightDecay(weightDecay: unknown): DecayRates {
  if (weightDecay === undefined) return { l2: 0, decoupled: 0 };
  if (typeof weightDecay !== 'object' || weightDecay === null) {
    return { l2: requireNonNegative('weightDecay', weightDecay), decoupled: 0 };
  }
  const { decoupled } = requireOptions('weightDecay', weightDecay, ['decoupled']);
  return { l2: 0, decoupled: requireNonNegative('weightDecay.decoupled', decoupled) };
}
