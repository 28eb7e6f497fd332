import { FileFormatError } from '../../io/files/file-format-error.js';
import { elementCount, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import type { Layer } from '../../nn/shape-rule.js';
import type { CodedError } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { operators } from '../operators/index.js';
import { NodeReader } from '../operators/node-reader.js';
import { Call, type Operator } from '../operators/operator.js';
import { elementTypeName, numberTypeOf } from '../proto/element-types.js';
import type { ModelProto, NodeProto, TensorProto } from '../proto/messages.js';
import { readValue } from '../read-values.js';
import { isIntegers, isKnown, type Integers, type Sizes, type Value } from '../values.js';
import { Names } from './names.js';
import { OnnxModel } from './onnx-model.js';
import { lastReads, type Port, type Step } from './plan.js';

/** The properties of a value of the graph that are known at import. */
interface Known {
  readonly index: number;
  readonly sizes: Sizes | undefined;
  /** Its value if it does not depend on the graph's inputs. */
  readonly constant?: Value;
  /** Whether it is a parameter that training changes: an initializer. */
  readonly isLearned?: boolean;
  /** Name of the initializer that it is in another shape. */
  readonly source?: string;
}

/** Operators whose result is a parameter if their input is one. */
const reshaping = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** Operators whose results are computed at once if their inputs are constants. */
const folded = new Set([
  ...['Constant', 'ConstantOfShape', 'Identity', 'Cast', 'Shape', 'Size', 'Gather', 'Slice', 'Concat'],
  ...['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Add', 'Sub', 'Mul', 'Div', 'Expand', 'Flatten'],
  ...['Where', 'Equal', 'Less', 'Greater', 'Not', 'And', 'Or', 'Neg', 'Abs', 'Sqrt'],
]);

/**
 * Builds the network of a model.
 * @param initializers The decoded values of its initializers.
 * @param maxComputedBytes Limit of the memory for constants that nodes compute.
 */
export function buildModel(
  file: string,
  model: ModelProto,
  initializers: ReadonlyMap<string, Value>,
  maxComputedBytes: number,
): BuiltModel {
  return new Builder(file, model, initializers, maxComputedBytes).build();
}

/** A network and the sizes of the values of its graph, as far as they are known. */
export interface BuiltModel {
  readonly model: OnnxModel;
  readonly sizes: ReadonlyMap<string, Sizes | undefined>;
}

class Builder {
  readonly #values = new Map<string, Known>();
  readonly #steps: Step[] = [];
  readonly #layers: { readonly layer: Layer; readonly name: string }[] = [];
  readonly #names = new Names();
  #count = 0;
  #computedBytes = 0;

  constructor(
    private readonly file: string,
    private readonly model: ModelProto,
    private readonly initializers: ReadonlyMap<string, Value>,
    private readonly maxComputedBytes: number,
  ) {}

  build(): BuiltModel {
    const { graph } = this.model;
    const opset = this.#requireSupported();
    for (const [name, constant] of this.initializers) {
      this.#define(name, { sizes: constant.shape, constant, isLearned: !isIntegers(constant) });
    }
    const inputs: Port[] = [];
    for (const { name, elementType, shape } of graph.inputs) {
      if (this.initializers.has(name)) continue;
      if (numberTypeOf(elementType) === undefined) {
        this.#fail('inputs of numbers', elementTypeName(elementType), name);
      }
      inputs.push({ name, value: this.#define(name, { sizes: shape }) });
    }
    graph.nodes.forEach((node, i) => {
      this.#addChecked(node, i, opset);
    });
    const outputs = graph.outputs.map(({ name }) => {
      const known = this.#values.get(name);
      return known === undefined
        ? this.#fail('an output that a supported node computes', 'none', name)
        : { name, value: known.index };
    });
    const sizes = new Map([...this.#values].map(([name, known]) => [name, known.sizes]));
    return { model: this.#finish(inputs, outputs), sizes };
  }

  /** Checks operators and versions, and returns the version of ONNX's operators. */
  #requireSupported(): number {
    const { opsets, graph, hasFunctions } = this.model;
    if (hasFunctions === true) this.#fail('a model of operators only', 'functions of its own');
    if (graph.hasSparse === true) this.#fail('dense tensors', 'sparse ones');
    const unknown = graph.nodes.filter(({ operator, domain }) => domain !== '' || !operators.has(operator));
    if (unknown.length > 0) {
      const [{ operator, domain, name }] = unknown;
      const others = new Set(unknown.map((node) => node.operator));
      others.delete(operator);
      const more = others.size === 0 ? '' : `; also ${[...others].sort().join(', ')}`;
      this.#fail('a supported operator', `${domain === '' ? '' : `${domain}.`}${operator}${more}`, name);
    }
    return opsets.find(({ domain }) => domain === '')?.version ?? 1;
  }

  #define(name: string, known: Omit<Known, 'index'>): number {
    if (this.#values.has(name)) this.#fail('each value once', 'another node with this output', name);
    const index = this.#count++;
    this.#values.set(name, { ...known, index });
    return index;
  }

  /** Adds a node. Shapes and settings that an operation or a layer refuses are faults of the file. */
  #addChecked(node: NodeProto, position: number, opset: number): void {
    const label = node.name === '' ? (node.outputs[0] ?? `${node.operator}_${position}`) : node.name;
    try {
      this.#add(node, label, opset);
    } catch (error) {
      const { code, message } = error as Partial<CodedError>;
      if (error instanceof FileFormatError || code === 'ERR_BATCHNORM_OUT_OF_MEMORY') throw error;
      if (code?.startsWith('ERR_BATCHNORM_') !== true) throw error;
      this.#fail(`a valid ${node.operator}`, message ?? '', label);
    }
  }

  #add(node: NodeProto, label: string, opset: number): void {
    const fail = (expected: string, found: string): never => this.#fail(expected, found, label);
    const known = node.inputs.map((name) => (name === '' ? undefined : this.#find(name, fail)));
    const reader = new NodeReader(
      node,
      opset,
      known.map((each, i) => each && { name: node.inputs[i], constant: each.constant, sizes: each.sizes }),
      (what) => fail(`supported attributes and inputs of ${node.operator}`, what),
      (tensor) => this.#readAttribute(tensor, fail),
    );
    const { operator } = node;
    const definition = operators.get(operator);
    if (definition === undefined) return fail('a supported operator', operator);
    const sizes = definition.sizes(reader);
    const isConstant = known.every((each) => each === undefined || each.constant !== undefined);
    if (isConstant && folded.has(operator)) {
      this.#fold(node, definition, reader, known, sizes, fail);
      return;
    }
    const prepared = definition.prepare(reader);
    const outputs = node.outputs.map((name, i) =>
      name === '' || i >= sizes.length ? -1 : this.#define(name, { sizes: this.#sizesOf(name, sizes[i]) }),
    );
    const layer = prepared.layer === undefined ? -1 : this.#addLayer(prepared.layer, node, label);
    const inputs = known.map((each, i) =>
      each === undefined || prepared.held?.includes(i) === true ? -1 : each.index,
    );
    this.#steps.push({ name: label, operator, inputs, outputs, compute: prepared.compute, layer });
  }

  #find(name: string, fail: (expected: string, found: string) => never): Known {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const { nodes } = this.model.graph;
    const isLater = nodes.some(({ outputs }) => outputs.includes(name));
    const found = isLater ? 'an output that is not computed before it' : 'an unknown value';
    return fail('nodes in the order in which they run', `${found}, ${quote(name)}`);
  }

  /** The sizes that were inferred, or those that the file states. */
  #sizesOf(name: string, inferred: Sizes | undefined): Sizes | undefined {
    if (inferred !== undefined) return inferred;
    const { values, outputs } = this.model.graph;
    this.#stated ??= new Map([...values, ...outputs].map((value) => [value.name, value.shape]));
    return this.#stated.get(name);
  }

  #stated: ReadonlyMap<string, Sizes | undefined> | undefined;

  #readAttribute(tensor: TensorProto, fail: (expected: string, found: string) => never): Value {
    if (tensor.values.kind === 'external') return fail('values of attributes in the model', 'external data');
    return readValue(tensor, fail);
  }

  /** Computes a constant, after a check of its size. */
  #fold(
    node: NodeProto,
    definition: Operator,
    reader: NodeReader,
    known: readonly (Known | undefined)[],
    sizes: readonly (Sizes | undefined)[],
    fail: (expected: string, found: string) => never,
  ): void {
    const [size] = sizes;
    if (!isKnown(size)) fail('a constant of a known size', 'another');
    else if (node.operator !== 'Constant') {
      this.#computedBytes += 4 * elementCount(size);
      if (!(this.#computedBytes <= this.maxComputedBytes)) {
        fail(
          `at most ${this.maxComputedBytes} bytes of computed constants (maxComputedBytes)`,
          String(this.#computedBytes),
        );
      }
    }
    const { compute } = definition.prepare(reader);
    const call = new Call(
      node.operator,
      known.map((each) => each?.constant),
      () => fail('a constant', 'a layer'),
      true,
    );
    const result = compute(call);
    const constant = Array.isArray(result) ? (result as readonly Value[])[0] : (result as Value);
    const [name = ''] = node.outputs;
    if (name === '') return;
    const [first] = known;
    const isParameter = reshaping.has(node.operator) && first?.isLearned === true;
    // A generated weight is one that a file left out because it is easy to compute.
    const isGenerated = node.operator === 'ConstantOfShape' && !isIntegers(constant);
    this.#define(name, {
      ...{ sizes: constant.shape, constant, isLearned: isParameter || isGenerated },
      ...(isParameter ? { source: first.source ?? node.inputs[0] } : {}),
    });
  }

  #addLayer(layer: Layer, node: NodeProto, label: string): number {
    const weight = node.inputs[1] ?? '';
    const [, owner] = /^(.+)\.(?:weight|scale|gamma)$/.exec(weight) ?? [];
    this.#layers.push({ layer, name: this.#names.unique(owner ?? label) });
    return this.#layers.length - 1;
  }

  #finish(inputs: readonly Port[], outputs: readonly Port[]): OnnxModel {
    const read = new Set([
      ...this.#steps.flatMap((step) => step.inputs),
      ...outputs.map(({ value }) => value),
    ]);
    const constants = [...this.#values].flatMap(
      ([name, { index, constant, isLearned = false, source = name }]) =>
        constant !== undefined && read.has(index) ? [{ name: source, index, constant, isLearned }] : [],
    );
    const tensors = constants.flatMap((each) =>
      isIntegers(each.constant) ? [] : [{ ...each, tensor: each.constant as Tensor<Shape> }],
    );
    const learned = tensors.filter(({ isLearned }) => isLearned);
    const others = tensors.filter(({ isLearned }) => !isLearned);
    const plan = {
      ...{ values: this.#count, inputs, outputs, steps: this.#steps },
      integers: constants.flatMap(({ index, constant }) =>
        isIntegers(constant) ? [{ value: index, integers: constant satisfies Integers }] : [],
      ),
      tensors: [...learned, ...others].map(({ index }) => index),
      layerNames: this.#layers.map(({ name }) => name),
      parameterNames: learned.map(({ name }) => this.#names.unique(name)),
      constantNames: others.map(({ name }) => this.#names.unique(name)),
      unused: lastReads(this.#steps, inputs, outputs),
    };
    return new OnnxModel(
      plan,
      this.#layers.map(({ layer }) => layer),
      learned.map(({ tensor }) => tensor),
      others.map(({ tensor }) => tensor),
    );
  }

  #fail(expected: string, found: string, entry?: string): never {
    throw new FileFormatError(this.file, expected, found, entry === '' ? undefined : entry);
  }
}
