import { type Fail, FloatCollector } from '../io/files/float-collector.js';
import { decodeNumbers } from '../io/files/decode-numbers.js';
import { Tensor } from '../core/tensor.js';
import { elementCount, formatShape } from '../core/shape.js';
import { maxElements } from '../core/values.js';
import { elementTypeName, elementTypes, isFloatType, numberTypeOf } from './proto/element-types.js';
import type { TensorProto } from './proto/messages.js';
import type { Value } from './values.js';

/** Integers are sizes, axes and indices; as JavaScript numbers, large tensors of them would take eight times their bytes. */
const maxIntegers = 1_000_000;

/**
 * Checks the type and the shape of a tensor before anything is allocated for it.
 * @returns The number of bytes that its values take in a file.
 */
export function requireTensor({ elementType, shape }: TensorProto, fail: Fail): number {
  const type = numberTypeOf(elementType);
  if (type === undefined) {
    return fail('a tensor of floats, integers or booleans', `one of ${elementTypeName(elementType)}`);
  }
  if (shape.length > 64 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    fail('at most 64 sizes that are not negative', formatShape(shape));
  }
  const count = elementCount(shape);
  if (count > maxElements) fail(`at most ${maxElements} values`, formatShape(shape));
  if (!isFloatType(elementType) && count > maxIntegers) {
    fail(`at most ${maxIntegers} integers in a tensor`, formatShape(shape));
  }
  return count * type.itemSize;
}

/**
 * Decodes a tensor.
 * @param external The bytes of a tensor whose values are in another file.
 */
export function readValue(proto: TensorProto, fail: Fail, external?: Uint8Array): Value {
  const bytes = requireTensor(proto, fail);
  const type = numberTypeOf(proto.elementType);
  if (type === undefined) return fail('a number type', elementTypeName(proto.elementType));
  const { values } = proto;
  const shape = Object.freeze([...proto.shape]);
  const given = external ?? (values.kind === 'raw' ? values.bytes : halvesOf(proto));
  if (given !== undefined && given.length !== bytes) {
    fail(`${bytes} bytes of values (shape ${formatShape(shape)})`, String(given.length));
  }
  if (isFloatType(proto.elementType)) {
    const collector = new FloatCollector(`the tensor ${proto.name}`, shape, false, fail);
    if (given !== undefined) collector.add(given, type);
    else collector.values.set(listed(proto, elementCount(shape), fail));
    return Tensor.adopt(collector.values, shape);
  }
  const numbers =
    given === undefined ? listed(proto, elementCount(shape), fail) : Array.from(decodeNumbers(given, type));
  return { shape, numbers };
}

/** Numbers in typed fields instead of raw bytes. */
function listed({ values }: TensorProto, count: number, fail: Fail): readonly number[] {
  if (values.kind !== 'numbers') return fail('values', values.kind);
  if (values.numbers.length !== count) fail(`${count} values`, String(values.numbers.length));
  return values.numbers;
}

/** The bytes of 16-bit floats, which are written as the integers of their bits. */
function halvesOf({ elementType, values }: TensorProto): Uint8Array | undefined {
  const isHalf = elementType === elementTypes.float16 || elementType === elementTypes.bfloat16;
  if (!isHalf || values.kind !== 'numbers') return undefined;
  const bytes = Buffer.alloc(2 * values.numbers.length);
  values.numbers.forEach((bits, i) => bytes.writeUInt16LE(bits & 0xffff, 2 * i));
  return bytes;
}
