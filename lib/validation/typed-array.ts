// A subclass or an own property can override the properties of a typed array, and `instanceof` knows the
// arrays of only one realm and accepts proxies. The accessors on the prototype read the actual values.

const prototype = Object.getPrototypeOf(Float32Array.prototype) as object;

type Getter<R> = (this: unknown) => R;
function getterOf<R>(name: string | symbol): Getter<R> {
  return (Object.getOwnPropertyDescriptor(prototype, name) as { get: Getter<R> }).get;
}
// A separate function for each accessor, which V8 inlines; a shared one would take ten times as long.
const getName = getterOf<string | undefined>(Symbol.toStringTag);
const getLength = getterOf<number>('length');
const getBuffer = getterOf<ArrayBufferLike>('buffer');
const getByteOffset = getterOf<number>('byteOffset');

/** The name of a typed array's class, such as `Float32Array`, in any realm; undefined for other values. */
export function typedArrayName(value: unknown): string | undefined {
  return getName.call(value);
}

/** The length of a typed array; 0 if its buffer is detached or too short. */
export function lengthOf(array: object): number {
  return getLength.call(array);
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayName(value) === 'Float32Array';
}

export function isFloat64Array(value: unknown): value is Float64Array {
  return typedArrayName(value) === 'Float64Array';
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayName(value) === 'Uint8Array';
}

/** A typed array whose elements are numbers. */
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

/** A view of the same memory without overridden members; a detached array is returned as it is. */
export function plainView<A extends NumberArray>(array: A): A {
  if (isDetached(array)) return array;
  const Class = classes[typedArrayName(array) ?? ''];
  return new Class(getBuffer.call(array), getByteOffset.call(array), lengthOf(array)) as A;
}

/** Whether the length of an array may change later. */
export function isResizable(array: ArrayBufferView): boolean {
  // Declared here because not every version of TypeScript's library has these members.
  const { resizable, growable } = getBuffer.call(array) as {
    resizable?: boolean;
    growable?: boolean;
  };
  return resizable === true || growable === true;
}

/** Whether the buffer of an array is detached, as after a transfer. */
export function isDetached(array: ArrayBufferView): boolean {
  if (lengthOf(array) > 0) return false;
  try {
    new Uint8Array(getBuffer.call(array));
    return false;
  } catch {
    return true;
  }
}
