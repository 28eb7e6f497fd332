import { type NumberType, numberType } from '../../io/files/number-type.js';

/** ONNX's numbers of the element types that the package reads. */
export const elementTypes = {
  ...{ float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9 },
  ...{ float16: 10, float64: 11, uint32: 12, uint64: 13, bfloat16: 16 },
} as const;

const numberTypes: ReadonlyMap<number, NumberType | undefined> = new Map([
  [elementTypes.float32, numberType('float', 4)],
  [elementTypes.float64, numberType('float', 8)],
  [elementTypes.float16, numberType('float', 2)],
  [elementTypes.bfloat16, numberType('bfloat', 2)],
  [elementTypes.bool, numberType('bool', 1)],
  [elementTypes.int8, numberType('int', 1)],
  [elementTypes.int16, numberType('int', 2)],
  [elementTypes.int32, numberType('int', 4)],
  [elementTypes.int64, numberType('int', 8)],
  [elementTypes.uint8, numberType('uint', 1)],
  [elementTypes.uint16, numberType('uint', 2)],
  [elementTypes.uint32, numberType('uint', 4)],
  [elementTypes.uint64, numberType('uint', 8)],
]);

/** How values of an element type are stored; undefined for strings, complex numbers and types of fewer than 8 bits. */
export function numberTypeOf(elementType: number): NumberType | undefined {
  return numberTypes.get(elementType);
}

/** The name of an element type in messages. */
export function elementTypeName(elementType: number): string {
  const [name] = Object.entries(elementTypes).find(([, number]) => number === elementType) ?? [];
  return name ?? `type ${elementType}`;
}

/** Whether tensors hold the values; integers and booleans are whole numbers in sizes, axes and conditions. */
export function isFloatType(elementType: number): boolean {
  const { float32, float64, float16, bfloat16 } = elementTypes;
  const floats: readonly number[] = [float32, float64, float16, bfloat16];
  return floats.includes(elementType);
}
