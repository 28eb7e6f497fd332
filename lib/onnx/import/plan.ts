import type { Compute } from '../operators/operator.js';
import type { Integers } from '../values.js';

// How an imported model runs. A plan holds no tensors and no layers, so that copies of a model share it.

/** A node that runs. Values are numbered; -1 is an optional input that is missing. */
export interface Step {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly compute: Compute;
  /** Index of its layer in the model, or -1. */
  readonly layer: number;
}

/** An input or output of the graph. */
export interface Port {
  readonly name: string;
  readonly value: number;
}

/** A constant that a step reads. */
export interface ConstantValue {
  readonly value: number;
  /** Integers, which are no tensors of the model; undefined for a tensor. */
  readonly integers?: Integers;
}

export interface Plan {
  readonly values: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly steps: readonly Step[];
  /** The steps' constants, of which the tensors are those of the model in the same order. */
  readonly integers: readonly { readonly value: number; readonly integers: Integers }[];
  /** The values of `parameters` and then `constants` of the model. */
  readonly tensors: readonly number[];
  readonly layerNames: readonly string[];
  readonly parameterNames: readonly string[];
  readonly constantNames: readonly string[];
  /** For each step, the values that no later step reads. */
  readonly unused: readonly (readonly number[])[];
}

/** The values that each step is the last one to read. Inputs and outputs of the graph stay. */
export function lastReads(
  steps: readonly Step[],
  inputs: readonly Port[],
  outputs: readonly Port[],
): readonly (readonly number[])[] {
  const kept = new Set([...inputs, ...outputs].map(({ value }) => value));
  const computed = new Set(steps.flatMap((step) => step.outputs));
  const result: number[][] = steps.map(() => []);
  for (let i = steps.length - 1; i >= 0; i--) {
    for (const value of [...steps[i].inputs, ...steps[i].outputs]) {
      if (value < 0 || kept.has(value) || !computed.has(value)) continue;
      kept.add(value);
      result[i].push(value);
    }
  }
  return result;
}
