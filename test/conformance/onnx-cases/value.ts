import type { Shape, Tensor } from 'batchnorm';

/** The case needs something that the package does not have. */
export class Inexpressible extends Error {}

export interface StoredTensor {
  /** numpy's name of the element type. */
  readonly type: string;
  readonly shape: readonly number[];
  /** NaN and infinities are texts. */
  readonly values: readonly (number | string)[];
}

type Attribute = number | string | readonly (number | string)[] | StoredTensor;

export interface OnnxNode {
  readonly operator: string;
  /** Empty names are optional inputs that are missing. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A value of a graph: ONNX's integers and booleans are whole numbers in our tensors. */
export interface Value {
  readonly type: string;
  readonly tensor: Tensor<Shape>;
}

/** The inputs and attributes of one node. */
export class Call {
  constructor(
    readonly node: OnnxNode,
    private readonly inputs: readonly (Value | undefined)[],
    readonly opset: number,
  ) {}

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  get count(): number {
    return this.inputs.length;
  }

  value(index: number): Value {
    const value = this.inputs[index];
    if (value === undefined) throw new Error(`${this.node.operator} has no input ${index}`);
    return value;
  }

  type(index: number): string {
    return this.value(index).type;
  }

  /** A tensor of float32. */
  floats(index: number): Tensor<Shape> {
    const { type, tensor } = this.value(index);
    if (type !== 'float32') throw new Inexpressible(`${type} instead of float32`);
    return tensor;
  }

  /** A tensor of any type whose numbers float32 holds. */
  any(index: number): Tensor<Shape> {
    const { type, tensor } = this.value(index);
    if (type === 'float64') throw new Inexpressible('float64 instead of float32');
    return tensor;
  }

  booleans(index: number): Tensor<Shape> {
    const { type, tensor } = this.value(index);
    if (type !== 'bool') throw new Error(`${this.node.operator} has ${type} for booleans`);
    return tensor;
  }

  /** The numbers of an input that is a parameter, such as axes. */
  numbers(index: number): readonly number[] | undefined {
    return this.has(index) ? [...this.value(index).tensor.data] : undefined;
  }

  number(name: string, byDefault: number): number {
    const value = this.node.attributes[name];
    return value === undefined ? byDefault : Number(value);
  }

  text(name: string, byDefault: string): string {
    const value = this.node.attributes[name];
    return typeof value === 'string' ? value : byDefault;
  }

  list(name: string): readonly number[] | undefined {
    const value = this.node.attributes[name];
    return Array.isArray(value) ? value.map(Number) : undefined;
  }

  stored(name: string): StoredTensor | undefined {
    const value = this.node.attributes[name];
    return typeof value === 'object' && 'type' in value ? value : undefined;
  }

  /** Refuses what is not ONNX's default. */
  only(name: string, allowed: number): void {
    const value = this.number(name, allowed);
    if (value !== allowed) throw new Inexpressible(`${name} = ${value}`);
  }
}
