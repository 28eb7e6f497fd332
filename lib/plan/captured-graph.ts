import type { OperationName } from '../backend/intercept.js';
import type { Shape } from '../core/shape.js';
import type { ScriptOperation } from '../ops/script-operations.js';

/** The signatures of the operations that JavaScript computes on every backend, in the notation of lib/backend/signatures.js. */
export const scriptSignatures = {
  sin: ['size n', 'in x[n]', 'out y[n]'],
  cos: ['size n', 'in x[n]', 'out y[n]'],
  pow: ['size n', 'number exponent', 'in x[n]', 'out y[n]'],
} as const satisfies Record<ScriptOperation, readonly string[]>;

/** An array of numbers that exists while a model runs. */
export interface CapturedValue {
  /** Its position in `values` of the graph. */
  readonly index: number;
  /**
   * `input` is the argument of `forward`; a `parameter` is listed by the model's `parameters()`; a `constant` is any other
   * array that no captured call computes; a `result` is computed by one or several calls.
   */
  readonly kind: 'input' | 'parameter' | 'constant' | 'result';
  /** Path of a parameter as in `parameters()`, such as `0.weight`. */
  readonly name: string | undefined;
  readonly length: number;
  /**
   * Shape of the first tensor made of it, which is the shape of the operation's result. A tensor that was reshaped later
   * is the same value. Undefined for arrays that no tensor was made of, such as the mean that `groupNorm` computes on the side.
   */
  readonly shape: Shape | undefined;
  /** The numbers of a parameter, which are those of the model, or of a constant, which are a copy. */
  readonly numbers: Float32Array | undefined;
}

/** An array argument of a call: a value from one of its elements on. */
export interface CapturedArray {
  readonly value: CapturedValue;
  /** Index of the first element. Not 0 for parts of a value, as for the tensors that `concat` joins. */
  readonly offset: number;
}

/** An argument of a call; null for an array that the call was given none for. */
export type CapturedArgument = number | boolean | null | CapturedArray;

/** A call of the backend. */
export interface CapturedCall {
  readonly operation: OperationName | ScriptOperation;
  /** By their names in lib/backend/signatures.js, in that order. */
  readonly args: Readonly<Record<string, CapturedArgument>>;
  /** The values that the call reads, each once. */
  readonly reads: readonly CapturedValue[];
  /** The values that the call writes, each once. */
  readonly writes: readonly CapturedValue[];
}

/** Everything that a model computes for an input of one shape. */
export interface CapturedGraph {
  readonly input: CapturedValue;
  /** The value of the model's result. It may be the input or a parameter. */
  readonly output: CapturedValue;
  /** Shape of the model's result, which may differ from the shape of its value. */
  readonly outputShape: Shape;
  /** All values, in the order in which the calls use them. */
  readonly values: readonly CapturedValue[];
  /** In the order of execution, without calls whose results nothing uses. */
  readonly calls: readonly CapturedCall[];
}

/** Adds a constant with these numbers, or a result, to the values of a graph. */
export function addValue(values: CapturedValue[], length: number, numbers?: Float32Array): CapturedArray {
  const kind = numbers === undefined ? 'result' : 'constant';
  const value: CapturedValue = {
    ...{ index: values.length, kind, name: undefined, length, shape: undefined },
    numbers,
  };
  values.push(value);
  return { value, offset: 0 };
}

/** Whether an argument is an array. */
export function isArray(argument: CapturedArgument): argument is CapturedArray {
  return typeof argument === 'object' && argument !== null;
}

/** The input and all values that are computed from it, wholly or partly. */
export function dependentValues({ input, calls }: CapturedGraph): ReadonlySet<CapturedValue> {
  const dependent = new Set([input]);
  // Until nothing is added: a call that writes a part of a dependent value makes its other results dependent, too.
  for (let before = 0; before < dependent.size;) {
    before = dependent.size;
    for (const { reads, writes } of calls) {
      if (![...reads, ...writes].some((value) => dependent.has(value))) continue;
      for (const value of writes) dependent.add(value);
    }
  }
  return dependent;
}
