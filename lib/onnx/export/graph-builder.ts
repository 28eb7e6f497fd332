import { elementCount, sameShape, type Shape } from '../../core/shape.js';
import type {
  CapturedArgument,
  CapturedArray,
  CapturedCall,
  CapturedValue,
} from '../../plan/captured-graph.js';
import { isArray } from '../../plan/captured-graph.js';
import { plainError } from '../../validation/errors.js';
import type { AttributeValue, NodeProto } from '../proto/messages.js';

/** A tensor whose values the graph contains. */
export interface Initializer {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array | readonly number[];
  /** Whether the numbers are a shape, which may depend on the size of the batch. */
  readonly isShape?: boolean;
}

/** A value with the shape that it has in the ONNX graph. */
export interface Located {
  readonly name: string;
  readonly shape: Shape;
}

type Attributes = Readonly<Record<string, AttributeValue>>;

export const int = (number: number): AttributeValue => ({ kind: 'int', number });
export const ints = (numbers: readonly number[]): AttributeValue => ({ kind: 'ints', numbers });
export const float = (number: number): AttributeValue => ({ kind: 'float', number });

/** Adds the nodes for one call. */
export type Emit = (call: CapturedCall, graph: GraphBuilder) => void;

/** Collects the nodes and tensors of a graph. */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: Initializer[] = [];
  readonly #places = new Map<CapturedValue, Located>();
  readonly #repeated = new Map<CapturedValue, { readonly source: Located; readonly shape: Shape }>();
  readonly #reshaped = new Map<string, Located>();
  readonly #constants = new Map<string, string>();
  readonly #names = new Set<string>();
  /** The last number of each name, which the next search begins with. */
  readonly #numbers = new Map<string, number>();
  readonly #reads = new Map<CapturedValue, number>();
  #scope = '';

  constructor(input: CapturedValue, inputName: string) {
    this.#names.add(inputName);
    this.#places.set(input, { name: inputName, shape: input.shape ?? [input.length] });
  }

  /** Names the next nodes after the layer of a parameter: `conv1` for `conv1.weight`. */
  scope({ reads }: CapturedCall): void {
    const parameter = reads.find(({ kind }) => kind === 'parameter')?.name;
    this.#scope = parameter === undefined ? '' : parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
  }

  /** Notes all values that calls read, and the output. */
  countReads(values: readonly CapturedValue[]): void {
    for (const value of values) this.#reads.set(value, (this.#reads.get(value) ?? 0) + 1);
  }

  isReadOnce(value: CapturedValue): boolean {
    return this.#reads.get(value) === 1;
  }

  /** Notes where a value is. */
  define(value: CapturedValue, located: Located): void {
    this.#note(value, located);
  }

  /** Notes that a value repeats another one to a shape. */
  defineRepeated(value: CapturedValue, source: Located, shape: Shape): void {
    this.#repeated.set(value, { source, shape });
  }

  /** The name of an operand that is repeated to a shape: repeated already, or as it is. */
  readOperand(argument: CapturedArgument, shape: Shape): string {
    const value = this.whole(argument);
    const repeated = this.#repeated.get(value);
    if (repeated !== undefined && sameShape(repeated.shape, shape)) return repeated.source.name;
    return this.read(argument, shape);
  }

  /** Where a value is, in the shape that it was written in. */
  find(value: CapturedValue): Located {
    const repeated = this.#repeated.get(value);
    if (repeated !== undefined && !this.#places.has(value)) {
      const { source, shape } = repeated;
      this.#note(value, { name: this.node('Expand', [source.name, this.shape(shape)]), shape });
    }
    const known = this.#places.get(value);
    if (known !== undefined) return known;
    if (value.kind === 'result' || value.numbers === undefined)
      throw unsupported('a value that is not computed');
    const shape = value.shape ?? [value.length];
    const name = this.unique(value.name ?? 'constant');
    this.initializers.push({ name, shape, values: value.numbers });
    return this.#note(value, { name, shape });
  }

  /** The name of an argument of a call in a shape. */
  read(argument: CapturedArgument, shape: Shape): string {
    return this.inShape(this.find(this.whole(argument)), shape);
  }

  /** The value of an argument of a call that is not a part of a value. */
  whole(argument: CapturedArgument): CapturedValue {
    const { value, offset } = array(argument);
    if (offset !== 0) throw unsupported('a part of a tensor');
    return value;
  }

  /** Notes that the result of a call is a value of the graph, which has its shape. */
  write(argument: CapturedArgument, result: Located): void {
    const value = this.whole(argument);
    if (elementCount(result.shape) !== value.length) throw unsupported('a part of a tensor');
    const shape = value.shape ?? result.shape;
    this.#note(value, { name: this.inShape(result, shape), shape });
  }

  #note(value: CapturedValue, located: Located): Located {
    this.#places.set(value, located);
    return located;
  }

  /** The name of a value in another shape. */
  inShape(located: Located, shape: Shape): string {
    if (sameShape(located.shape, shape)) return located.name;
    const key = `${located.name} ${shape.join()}`;
    const known = this.#reshaped.get(key);
    if (known !== undefined) return known.name;
    const name = this.node('Reshape', [located.name, this.shape(shape)]);
    this.#reshaped.set(key, { name, shape });
    return name;
  }

  /** Adds a node with one output, and returns the output's name. */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.unique(this.#scope === '' ? operator : `${this.#scope}/${operator}`);
    const output = this.unique(`${name}_output`);
    this.nodes.push({
      ...{ name, operator, domain: '', inputs, outputs: [output] },
      attributes: Object.entries(attributes).map(([key, value]) => ({ name: key, value })),
    });
    return output;
  }

  /** A constant tensor of floats. */
  floats(values: readonly number[], shape: Shape = [values.length]): string {
    return this.#constant('constant', values.map(Math.fround), shape, false);
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** A shape as an input of a node. */
  shape(sizes: Shape): string {
    return this.#constant('shape', sizes, [sizes.length], true);
  }

  /** Integers that are an input of a node and do not depend on the batch. */
  indices(numbers: readonly number[]): string {
    return this.#constant('axes', numbers, [numbers.length], true);
  }

  #constant(kind: string, values: readonly number[], shape: Shape, isShape: boolean): string {
    // Not shared between floats and integers, and shapes keep their own, because one of them may depend on the batch.
    const name = this.unique(kind);
    const key = isShape ? name : `${shape.join()} ${values.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) {
      this.#names.delete(name);
      return known;
    }
    this.#constants.set(key, name);
    const isFloat = !isShape;
    this.initializers.push({ name, shape, values: isFloat ? Float32Array.from(values) : values, isShape });
    return name;
  }

  unique(name: string): string {
    let [result, number] = [name, this.#numbers.get(name) ?? 0];
    while (this.#names.has(result)) result = `${name}_${++number}`;
    this.#numbers.set(name, number);
    this.#names.add(result);
    return result;
  }
}

/** A call of the backend with its arguments by kind. */
export function array(argument: CapturedArgument): CapturedArray {
  if (!isArray(argument)) throw unsupported('a missing tensor');
  return argument;
}

export function unsupported(what: string): Error {
  return plainError('ERR_BATCHNORM_CAPTURE', `Expected a model that ONNX can express, but it uses ${what}`);
}
