// What a typed array says of itself can be overridden, by a subclass or a property of its own, and `instanceof`
// knows the arrays of one realm only and takes proxies for arrays. The accessors of the language see what is there.

const prototype = Object.getPrototypeOf(Float32Array.prototype) as object;

function accessor(name: 'length' | 'buffer' | 'byteOffset' | symbol): (array: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name) as {
    readonly get: (this: unknown) => unknown;
  };
  return (array) => get.call(array);
}

/** The name of its class, such as `Float32Array`, in any realm; undefined for what is no typed array. */
export const typedArrayName = accessor(Symbol.toStringTag) as (
  value: unknown,
) => string | undefined;
/** 0 where the buffer is detached or too short. */
export const lengthOf = accessor('length') as (array: object) => number;
const bufferOf = accessor('buffer') as (array: ArrayBufferView) => ArrayBufferLike;
const byteOffsetOf = accessor('byteOffset') as (array: ArrayBufferView) => number;

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayName(value) === 'Float32Array';
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayName(value) === 'Uint8Array';
}

/** A typed array of numbers: whatever `readIdx` returns, and the others. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

type NumberClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => NumberArray;
const classes: Readonly<Record<string, NumberClass>> = {
  ...{ Float32Array, Float64Array },
  ...{ Int8Array, Int16Array, Int32Array },
  ...{ Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array },
};

/** Whether a value is a typed array whose elements are numbers, not bigints. */
export function isNumberArray(value: unknown): value is NumberArray {
  return Object.hasOwn(classes, typedArrayName(value) ?? '');
}

/** The same values of the same memory as an array without overridden members; a detached array itself. */
export function plainView<A extends NumberArray>(array: A): A {
  if (isDetached(array)) return array;
  const Class = classes[typedArrayName(array) ?? ''];
  return new Class(bufferOf(array), byteOffsetOf(array), lengthOf(array)) as A;
}

/** Whether the length of an array may change while somebody keeps it. */
export function isResizable(array: ArrayBufferView): boolean {
  // Not in every library of TypeScript's.
  const { resizable, growable } = bufferOf(array) as { resizable?: boolean; growable?: boolean };
  return resizable === true || growable === true;
}

/** Whether the buffer of an array was transferred. */
export function isDetached(array: ArrayBufferView): boolean {
  if (lengthOf(array) > 0) return false;
  try {
    new Uint8Array(bufferOf(array));
    return false;
  } catch {
    return true;
  }
}
