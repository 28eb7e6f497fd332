import { PbfWriter } from 'pbf';
import type {
  AttributeProto,
  AttributeValue,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueProto,
} from './messages.js';

/** Serializes a model. */
export function writeModel(model: ModelProto): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, model.irVersion);
  pbf.writeStringField(2, model.producer);
  pbf.writeMessage(7, writeGraph, model.graph);
  for (const { domain, version } of model.opsets) {
    pbf.writeMessage(8, writeOpset, { domain, version });
  }
  return pbf.finish();
}

function writeOpset({ domain, version }: ModelProto['opsets'][number], pbf: PbfWriter): void {
  pbf.writeStringField(1, domain);
  pbf.writeVarintField(2, version);
}

function writeGraph(graph: GraphProto, pbf: PbfWriter): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const tensor of graph.initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const value of graph.inputs) pbf.writeMessage(11, writeValue, value);
  for (const value of graph.outputs) pbf.writeMessage(12, writeValue, value);
  for (const value of graph.values) pbf.writeMessage(13, writeValue, value);
}

function writeNode(node: NodeProto, pbf: PbfWriter): void {
  for (const name of node.inputs) pbf.writeStringField(1, name);
  for (const name of node.outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.operator);
  for (const attribute of node.attributes) pbf.writeMessage(5, writeAttribute, attribute);
  if (node.domain !== '') pbf.writeStringField(7, node.domain);
}

/** ONNX's numbers of the kinds of attributes. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, other: 5, floats: 6, ints: 7 } as const;

function writeAttribute({ name, value }: AttributeProto, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  writeAttributeValue(value, pbf);
  pbf.writeVarintField(20, attributeTypes[value.kind]);
}

function writeAttributeValue(value: AttributeValue, pbf: PbfWriter): void {
  switch (value.kind) {
    case 'float':
      pbf.writeFloatField(2, value.number);
      break;
    case 'int':
      pbf.writeVarintField(3, value.number);
      break;
    case 'string':
      pbf.writeStringField(4, value.text);
      break;
    case 'tensor':
      pbf.writeMessage(5, writeTensor, value.tensor);
      break;
    // Not packed, as ONNX's own library writes them.
    case 'floats':
      for (const each of value.numbers) pbf.writeFloatField(7, each);
      break;
    case 'ints':
      for (const each of value.numbers) pbf.writeVarintField(8, each);
      break;
    case 'other':
      break;
  }
}

function writeValue({ name, elementType, shape }: ValueProto, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, writeType, { elementType, shape });
}

type ValueType = Pick<ValueProto, 'elementType' | 'shape'>;

function writeType(type: ValueType, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, type);
}

function writeTensorType({ elementType, shape }: ValueType, pbf: PbfWriter): void {
  pbf.writeVarintField(1, elementType);
  if (shape !== undefined) pbf.writeMessage(2, writeShape, shape);
}

function writeShape(shape: readonly (number | string)[], pbf: PbfWriter): void {
  for (const size of shape) pbf.writeMessage(1, writeSize, size);
}

function writeSize(size: number | string, pbf: PbfWriter): void {
  if (typeof size === 'number') pbf.writeVarintField(1, size);
  else pbf.writeStringField(2, size);
}

function writeTensor({ name, elementType, shape, values }: TensorProto, pbf: PbfWriter): void {
  for (const size of shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, elementType);
  pbf.writeStringField(8, name);
  if (values.kind === 'raw') pbf.writeBytesField(9, values.bytes);
  if (values.kind !== 'external') return;
  for (const entry of values.place) pbf.writeMessage(13, writeEntry, entry);
  pbf.writeVarintField(14, 1);
}

function writeEntry([key, value]: readonly [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}
