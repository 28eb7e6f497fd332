import type { Fail } from '../../io/files/float-collector.js';
import type {
  AttributeProto,
  AttributeValue,
  GraphProto,
  ModelProto,
  NodeProto,
  OpsetProto,
  TensorProto,
  TensorValues,
  ValueProto,
} from './messages.js';
import { ProtoReader } from './proto-reader.js';

/**
 * Parses an ONNX file.
 * @param bytes The whole file; tensors keep views of it.
 * @param fail Throws the error of a damaged file.
 */
export function readModel(bytes: Uint8Array, fail: Fail): ModelProto {
  const reader = new ProtoReader(bytes, fail);
  const opsets: OpsetProto[] = [];
  let [irVersion, producer, hasFunctions] = [0, '', false];
  let graph: GraphProto | undefined;
  reader.fields((field) => {
    if (field === 1) irVersion = reader.integer();
    else if (field === 2) producer = reader.text();
    else if (field === 7) graph = readGraph(reader);
    else if (field === 8) opsets.push(readOpset(reader));
    else if (field === 25) hasFunctions = true;
  });
  if (graph === undefined) return fail('an ONNX model', 'no graph');
  return { irVersion, producer, opsets, graph, hasFunctions };
}

/** Parses a file with one tensor, such as those of ONNX's test cases. */
export function readTensorFile(bytes: Uint8Array, fail: Fail): TensorProto {
  const reader = new ProtoReader(bytes, fail);
  const fields = new TensorFields(reader);
  reader.fields((field) => {
    fields.read(field);
  });
  return fields.tensor();
}

function readOpset(reader: ProtoReader): OpsetProto {
  let [domain, version] = ['', 0];
  reader.message((field) => {
    if (field === 1) domain = reader.text();
    else if (field === 2) version = reader.integer();
  });
  // Both names mean ONNX's own operators.
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}

function readGraph(reader: ProtoReader): GraphProto {
  const [nodes, initializers]: [NodeProto[], TensorProto[]] = [[], []];
  const [inputs, outputs, values]: [ValueProto[], ValueProto[], ValueProto[]] = [[], [], []];
  let [name, hasSparse] = ['', false];
  reader.message((field) => {
    if (field === 1) nodes.push(readNode(reader));
    else if (field === 2) name = reader.text();
    else if (field === 5) initializers.push(readTensor(reader));
    else if (field === 11) inputs.push(readValue(reader));
    else if (field === 12) outputs.push(readValue(reader));
    else if (field === 13) values.push(readValue(reader));
    else if (field === 15) hasSparse = true;
  });
  return { name, nodes, initializers, inputs, outputs, values, hasSparse };
}

function readNode(reader: ProtoReader): NodeProto {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes: AttributeProto[] = [];
  let [name, operator, domain] = ['', '', ''];
  reader.message((field) => {
    if (field === 1) inputs.push(reader.text());
    else if (field === 2) outputs.push(reader.text());
    else if (field === 3) name = reader.text();
    else if (field === 4) operator = reader.text();
    else if (field === 5) attributes.push(readAttribute(reader));
    else if (field === 7) domain = reader.text();
  });
  return { name, operator, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes };
}

/** Numbers of the types of attributes. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

function readAttribute(reader: ProtoReader): AttributeProto {
  const [floats, ints]: [number[], number[]] = [[], []];
  let [name, type, float, int, text] = ['', 0, 0, 0, ''];
  let tensor: TensorProto | undefined;
  reader.message((field) => {
    if (field === 1) name = reader.text();
    else if (field === 2) float = reader.float();
    else if (field === 3) int = reader.integer();
    else if (field === 4) text = new TextDecoder().decode(reader.bytes());
    else if (field === 5) tensor = readTensor(reader);
    else if (field === 7) reader.floats(floats);
    else if (field === 8) reader.integers(ints);
    else if (field === 20) type = reader.integer();
  });
  return { name, value: valueOf() };

  function valueOf(): AttributeValue {
    if (type === attributeTypes.float) return { kind: 'float', number: float };
    if (type === attributeTypes.int) return { kind: 'int', number: int };
    if (type === attributeTypes.string) return { kind: 'string', text };
    if (type === attributeTypes.floats) return { kind: 'floats', numbers: floats };
    if (type === attributeTypes.ints) return { kind: 'ints', numbers: ints };
    if (type === attributeTypes.tensor && tensor !== undefined) return { kind: 'tensor', tensor };
    return { kind: 'other' };
  }
}

function readValue(reader: ProtoReader): ValueProto {
  let [name, elementType] = ['', 0];
  let shape: (number | string)[] | undefined;
  reader.message((field) => {
    if (field === 1) name = reader.text();
    else if (field === 2) reader.message(readType);
  });
  return { name, elementType, shape };

  function readType(field: number): void {
    if (field === 1) reader.message(readTensorType);
  }
  function readTensorType(field: number): void {
    if (field === 1) elementType = reader.integer();
    else if (field === 2) {
      const sizes: (number | string)[] = [];
      shape = sizes;
      reader.message((inner) => {
        if (inner === 1) sizes.push(readSize(reader));
      });
    }
  }
}

/** A size, or the name of an unknown one. */
function readSize(reader: ProtoReader): number | string {
  let size: number | string = '?';
  reader.message((field) => {
    if (field === 1) {
      const value = reader.integer();
      // Some exporters write an unknown size as -1.
      size = value >= 0 ? value : '?';
    } else if (field === 2) {
      const name = reader.text();
      if (name !== '') size = name;
    }
  });
  return size;
}

function readTensor(reader: ProtoReader): TensorProto {
  const fields = new TensorFields(reader);
  reader.message((field) => {
    fields.read(field);
  });
  return fields.tensor();
}

/** Collects the fields of a tensor. */
class TensorFields {
  readonly #shape: number[] = [];
  readonly #numbers: number[] = [];
  readonly #place = new Map<string, string>();
  #name = '';
  #elementType = 0;
  #raw: Uint8Array | undefined;
  #hasStrings = false;
  #isExternal = false;

  constructor(private readonly reader: ProtoReader) {}

  read(field: number): void {
    const { reader } = this;
    if (field === 1) reader.integers(this.#shape);
    else if (field === 2) this.#elementType = reader.integer();
    else if (field === 4) reader.floats(this.#numbers);
    // int32_data, int64_data and uint64_data
    else if (field === 5 || field === 7 || field === 11) reader.integers(this.#numbers);
    else if (field === 6) this.#hasStrings = true;
    else if (field === 8) this.#name = reader.text();
    else if (field === 9) this.#raw = reader.bytes();
    else if (field === 10) reader.doubles(this.#numbers);
    else if (field === 13) this.#readPlace();
    else if (field === 14) this.#isExternal = reader.integer() === 1;
  }

  tensor(): TensorProto {
    return {
      name: this.#name,
      elementType: this.#elementType,
      shape: this.#shape,
      values: this.#values(),
    };
  }

  #values(): TensorValues {
    if (this.#isExternal) return { kind: 'external', place: this.#place };
    if (this.#hasStrings) return { kind: 'strings' };
    if (this.#raw !== undefined) return { kind: 'raw', bytes: this.#raw };
    return { kind: 'numbers', numbers: this.#numbers };
  }

  #readPlace(): void {
    let [key, value] = ['', ''];
    this.reader.message((field) => {
      if (field === 1) key = this.reader.text();
      else if (field === 2) value = this.reader.text();
    });
    this.#place.set(key, value);
  }
}
