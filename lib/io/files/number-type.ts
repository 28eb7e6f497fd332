/** How a number is stored in a file, as an `.npy` header or a safetensors entry describes it. */
export interface NumberType {
  /** NumPy's and PyTorch's name, such as `float32`. */
  readonly name: string;
  readonly kind: 'float' | 'bfloat' | 'int' | 'uint' | 'bool';
  /** Bytes of one number. */
  readonly itemSize: 1 | 2 | 4 | 8;
  readonly littleEndian: boolean;
}

/** The supported types of values, for error messages. */
export const numberTypes = 'floats, integers or booleans';

const sizesOf: Readonly<Record<NumberType['kind'], readonly number[]>> = {
  float: [2, 4, 8],
  bfloat: [2],
  int: [1, 2, 4, 8],
  uint: [1, 2, 4, 8],
  bool: [1],
};

/** The type of this kind and size; undefined if there is no such type, such as a float of 16 bytes. */
export function numberType(
  kind: NumberType['kind'],
  itemSize: number,
  littleEndian = true,
): NumberType | undefined {
  if (!sizesOf[kind].includes(itemSize)) return undefined;
  const name = kind === 'bool' ? kind : `${kind}${8 * itemSize}`;
  return { name, kind, itemSize: itemSize as NumberType['itemSize'], littleEndian };
}
