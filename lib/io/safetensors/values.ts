import { type NumberType, numberType } from '../files/number-type.js';

const types: Readonly<Partial<Record<string, NumberType>>> = {
  ...{ F64: numberType('float', 8), F32: numberType('float', 4), F16: numberType('float', 2) },
  ...{ BF16: numberType('bfloat', 2), BOOL: numberType('bool', 1) },
  ...{ I64: numberType('int', 8), I32: numberType('int', 4) },
  ...{ I16: numberType('int', 2), I8: numberType('int', 1) },
  ...{ U64: numberType('uint', 8), U32: numberType('uint', 4) },
  ...{ U16: numberType('uint', 2), U8: numberType('uint', 1) },
};

/** The number type that the format calls `dtype`; undefined for other types, such as 8-bit floats. */
export function safetensorsNumberType(dtype: string): NumberType | undefined {
  return Object.hasOwn(types, dtype) ? types[dtype] : undefined;
}

export function encodeInteger(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
