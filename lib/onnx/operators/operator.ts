import type { Layer } from '../../nn/shape-rule.js';
import { isTaped, isTensor } from '../../core/tensor.js';
import { wrongType } from '../../validation/errors.js';
import { type AnyTensor, numbersOf, type Sizes, type Value } from '../values.js';
import type { NodeReader } from './node-reader.js';

/** The inputs of a node while a model runs. */
export class Call {
  /**
   * @param layer Runs the node's layer; throws if it has none.
   * @param isConstant Whether the inputs are constants and the result is computed once, so that nothing records operations.
   */
  constructor(
    private readonly operator: string,
    private readonly inputs: readonly (Value | undefined)[],
    readonly layer: (x: AnyTensor) => AnyTensor,
    readonly isConstant = false,
  ) {}

  /** Number of inputs, missing ones included. */
  get count(): number {
    return this.inputs.length;
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  value(index: number): Value {
    const value = this.inputs[index];
    if (value === undefined) throw wrongType(`input ${index} of ${this.operator}`, 'a tensor', undefined);
    return value;
  }

  tensor(index: number): AnyTensor {
    const value = this.value(index);
    if (isTensor(value)) return value;
    throw wrongType(`input ${index} of ${this.operator}`, 'a tensor of floats', value.numbers);
  }

  /** The numbers of a value that is a parameter, such as axes; undefined if it is missing. */
  numbers(index: number): readonly number[] | undefined {
    return this.has(index) ? numbersOf(this.value(index)) : undefined;
  }
}

export type Compute = (call: Call) => Value | readonly Value[];

/** How a node runs. */
export interface Prepared {
  readonly compute: Compute;
  /** The layer that `call.layer` runs, which belongs to the model. */
  readonly layer?: Layer;
  /** Indices of the inputs that the layer holds as parameters; the node does not read them. */
  readonly held?: readonly number[];
}

/** An operator of ONNX. */
export interface Operator {
  /** The sizes of the outputs, as far as they are known. Outputs beyond these are not computed. */
  readonly sizes: (node: NodeReader) => readonly (Sizes | undefined)[];
  /** Prepares a node; fails for attributes that are not supported. */
  readonly prepare: (node: NodeReader) => Prepared;
}

/** An operator with one output. */
export function operator(
  sizes: (node: NodeReader) => Sizes | undefined,
  prepare: (node: NodeReader) => Compute | Prepared,
): Operator {
  return {
    sizes: (node) => [sizes(node)],
    prepare: (node) => {
      const prepared = prepare(node);
      return typeof prepared === 'function' ? { compute: prepared } : prepared;
    },
  };
}

/** Computes with an intermediate result, whose memory is then free unless a graph has recorded it. */
export function consume(x: AnyTensor, compute: (x: AnyTensor) => AnyTensor): AnyTensor {
  const y = compute(x);
  if (y !== x && !isTaped(x)) x.dispose();
  return y;
}

/** Applies functions one after the other; the intermediate results are freed. */
export function chain(x: AnyTensor, ...steps: readonly ((x: AnyTensor) => AnyTensor)[]): AnyTensor {
  return steps.reduce((value, step) => (value === x ? step(value) : consume(value, step)), x);
}

export function integers(numbers: readonly number[], shape: readonly number[] = [numbers.length]): Value {
  return { shape, numbers };
}
