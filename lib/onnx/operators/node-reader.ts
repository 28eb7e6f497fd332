import type { AttributeValue, NodeProto, TensorProto } from '../proto/messages.js';
import { isIntegers, numbersOf, type AnyTensor, type Sizes, type Value } from '../values.js';

/** An input of a node, as far as it is known when a model is imported. */
export interface Input {
  readonly name: string;
  /** Its value if it does not depend on the graph's inputs. */
  readonly constant: Value | undefined;
  readonly sizes: Sizes | undefined;
}

/** The attributes and inputs of a node while a model is imported. */
export class NodeReader {
  readonly #attributes: ReadonlyMap<string, AttributeValue>;

  /**
   * @param opset Version of ONNX's operators.
   * @param unsupported Throws an error that names the node.
   */
  constructor(
    readonly node: NodeProto,
    readonly opset: number,
    private readonly inputs: readonly (Input | undefined)[],
    readonly unsupported: (what: string) => never,
    /** Decodes a tensor in an attribute. */
    readonly readTensor: (tensor: TensorProto) => Value,
  ) {
    this.#attributes = new Map(node.attributes.map(({ name, value }) => [name, value]));
  }

  /** Number of inputs, missing ones included. */
  get count(): number {
    return this.inputs.length;
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  input(index: number): Input {
    const input = this.inputs[index];
    return input ?? this.unsupported(`no input ${index}`);
  }

  sizes(index: number): Sizes | undefined {
    return this.inputs[index]?.sizes;
  }

  /** The number of axes of an input; fails if it is unknown. */
  rank(index: number): number {
    return this.sizes(index)?.length ?? this.unsupported(`an unknown number of axes of input ${index}`);
  }

  /** A constant tensor of floats, or undefined. */
  tensor(index: number): AnyTensor | undefined {
    const constant = this.inputs[index]?.constant;
    return constant === undefined || isIntegers(constant) ? undefined : constant;
  }

  /** The numbers of a constant, or undefined. */
  numbers(index: number): readonly number[] | undefined {
    const constant = this.inputs[index]?.constant;
    return constant === undefined ? undefined : numbersOf(constant);
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  attribute(name: string): AttributeValue | undefined {
    return this.#attributes.get(name);
  }

  number(name: string, byDefault: number): number {
    const value = this.#attributes.get(name);
    if (value === undefined) return byDefault;
    if (value.kind === 'float') return shortest(value.number);
    return value.kind === 'int' ? value.number : this.#wrong(name);
  }

  text(name: string, byDefault: string): string {
    const value = this.#attributes.get(name);
    if (value === undefined) return byDefault;
    return value.kind === 'string' ? value.text : this.#wrong(name);
  }

  list(name: string): readonly number[] | undefined {
    const value = this.#attributes.get(name);
    if (value === undefined) return undefined;
    return value.kind === 'ints' || value.kind === 'floats' ? value.numbers : this.#wrong(name);
  }

  /** Fails unless an attribute has the only value that is supported. */
  only(name: string, allowed: number): void {
    const value = this.number(name, allowed);
    if (value !== allowed) this.unsupported(`${name} = ${value}`);
  }

  #wrong(name: string): never {
    return this.unsupported(`the attribute ${name} of another type`);
  }
}

/** The shortest number that rounds to a float32: 1e-5 instead of 0.000009999999747. */
function shortest(value: number): number {
  const rounded = Number(value.toPrecision(7));
  return Math.fround(rounded) === value ? rounded : value;
}

/** Counts an axis from the front. */
export function axisOf(axis: number, rank: number, node: NodeReader): number {
  const fromFront = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || fromFront < 0 || fromFront >= rank)
    node.unsupported(`axis ${axis} of ${rank}`);
  return fromFront;
}
