import { requireNonNegative, requireOptions } from '../validation/errors.js';

/** Weight decay that shrinks the parameter itself (Loshchilov and Hutter, 2019). */
export interface DecoupledWeightDecay {
  /** Each step subtracts `lr * decoupled * p` from a parameter p. */
  readonly decoupled: number;
}

/** A number is L2 regularization, which is added to the gradient. */
export type WeightDecay = number | DecoupledWeightDecay;

export interface DecayRates {
  readonly l2: number;
  readonly decoupled: number;
}

export function readWeightDecay(argument: string, weightDecay: unknown): DecayRates {
  if (weightDecay === undefined) return { l2: 0, decoupled: 0 };
  if (typeof weightDecay !== 'object' || weightDecay === null) {
    return { l2: requireNonNegative(argument, weightDecay), decoupled: 0 };
  }
  const { decoupled } = requireOptions(argument, weightDecay, ['decoupled']);
  return { l2: 0, decoupled: requireNonNegative(`${argument}.decoupled`, decoupled) };
}
