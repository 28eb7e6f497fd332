import { writeFileSync } from 'node:fs';
import type { AttributeValue, NodeProto, TensorProto, ValueProto } from '#lib/onnx/proto/messages';
import { writeModel } from '#lib/onnx/proto/write-model';

// Small ONNX files for tests. test/conformance/onnx checks the writer against ONNX's own library.

const FLOAT = 1;
const INT64 = 7;

/** A node with these attributes: numbers are floats unless they are whole. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number | string | readonly number[] | TensorProto>> = {},
): NodeProto {
  return {
    ...{ name: `${operator}_${outputs[0]}`, operator, domain: '', inputs, outputs },
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value: attributeOf(value) })),
  };
}

function attributeOf(value: number | string | readonly number[] | TensorProto): AttributeValue {
  if (typeof value === 'number') return { kind: Number.isInteger(value) ? 'int' : 'float', number: value };
  if (typeof value === 'string') return { kind: 'string', text: value };
  return 'values' in value && 'elementType' in value
    ? { kind: 'tensor', tensor: value }
    : { kind: 'ints', numbers: value };
}

export function floats(name: string, shape: readonly number[], values: readonly number[]): TensorProto {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return { name, elementType: FLOAT, shape, values: { kind: 'raw', bytes } };
}

export function int64s(name: string, shape: readonly number[], values: readonly number[]): TensorProto {
  const bytes = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
  return { name, elementType: INT64, shape, values: { kind: 'raw', bytes } };
}

interface Parts {
  readonly nodes: readonly NodeProto[];
  readonly initializers?: readonly TensorProto[];
  /** Default one input x of shape [N, 2, 4, 4]. */
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  /** Default y. */
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

const valueOf = (name: string, shape: ValueProto['shape']): ValueProto => ({
  name,
  elementType: FLOAT,
  shape,
});

/** The bytes of a model. */
export function model({
  nodes,
  initializers = [],
  inputs = { x: ['N', 2, 4, 4] },
  outputs = ['y'],
  opset = 17,
}: Parts): Uint8Array {
  return writeModel({
    ...{ irVersion: 8, producer: 'test', opsets: [{ domain: '', version: opset }] },
    graph: {
      ...{ name: 'test', nodes, initializers, values: [] },
      inputs: Object.entries(inputs).map(([name, shape]) => valueOf(name, shape)),
      outputs: outputs.map((name) => valueOf(name, undefined)),
    },
  });
}

export function writeModelFile(path: string, parts: Parts): void {
  writeFileSync(path, model(parts));
}
