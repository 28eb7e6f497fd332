import { argumentReaders } from '../portable/checked.js';
import type { Operations } from '../operations.js';
import { parseSignature } from '../parse-signature.js';
import { signatures } from '../signatures.js';
import type { WasmInstance } from './instance.js';

type Name = keyof Operations;
type AnyOperation = (...values: unknown[]) => unknown;

/** The module computes with 32-bit sizes. Larger ones occur where another size is 0. */
const maxSize = 2 ** 31;

/**
 * The operations of the module as functions of JavaScript. Arrays in the module's memory are passed by address, others
 * are copied into it and back.
 * @param portable The operations in TypeScript, for sizes that the module cannot address.
 */
export function wasmOperations(instance: WasmInstance, portable: Operations): Partial<Operations> {
  return Object.fromEntries(
    instance.operations.map((name, index) => [
      name,
      operation(instance, index, name as Name, portable[name as Name] as AnyOperation),
    ]),
  );
}

function operation(instance: WasmInstance, index: number, name: Name, portable: AnyOperation): AnyOperation {
  const { parameters, returns } = parseSignature(signatures[name]);
  const readers = argumentReaders(name);
  const count = parameters.length;
  const isArray = parameters.map(({ kind }) => kind === 'array');
  const isSize = parameters.map(({ kind }) => kind === 'size');
  const isRead = parameters.map((each) => each.kind === 'array' && each.read);
  const isWritten = parameters.map((each) => each.kind === 'array' && each.written);
  // Reused by every call: no call begins within another.
  const lengths = new Int32Array(count);
  const numbers = new Float64Array(count);
  const copied = new Uint8Array(count);

  return (...values) => {
    let fits = true;
    for (let i = 0; i < count; i++) {
      lengths[i] = readers[i](values[i], values);
      if (isSize[i] && (values[i] as number) >= maxSize) fits = false;
    }
    if (!fits) return portable(...values);

    // All addresses are read before an array is copied: that can grow the memory, which empties its views.
    for (let i = 0; i < count; i++) {
      copied[i] = 0;
      const value = values[i];
      if (!isArray[i]) {
        numbers[i] = Number(value);
      } else if (lengths[i] === 0) {
        // Also arrays of no values and those that a false argument makes irrelevant.
        numbers[i] = 0;
      } else {
        const array = value as Float32Array;
        // The module's data precedes its heap, so no tensor is at 0. Small arrays have no ArrayBuffer until someone asks.
        if (array.byteOffset !== 0 && instance.owns(array.buffer)) numbers[i] = array.byteOffset;
        else copied[i] = 1;
      }
    }
    try {
      for (let i = 0; i < count; i++) {
        if (copied[i] === 0) continue;
        const array = values[i] as Float32Array | Float64Array;
        numbers[i] = instance.allocateCopy(lengths[i] * array.BYTES_PER_ELEMENT);
        if (isRead[i]) copyIn(instance, numbers[i], array, lengths[i]);
      }
      instance.arguments.set(numbers);
      instance.call(index);
      for (let i = 0; i < count; i++) {
        if (copied[i] !== 0 && isWritten[i]) {
          copyOut(instance, numbers[i], values[i] as Float32Array | Float64Array, lengths[i]);
        }
      }
    } finally {
      instance.releaseCopies();
    }
    return returns === undefined ? undefined : instance.arguments[0];
  };
}

function copyIn(
  instance: WasmInstance,
  address: number,
  array: Float32Array | Float64Array,
  length: number,
): void {
  const source = array.length === length ? array : array.subarray(0, length);
  viewOf(instance, address, array, length).set(source);
}

function copyOut(
  instance: WasmInstance,
  address: number,
  array: Float32Array | Float64Array,
  length: number,
): void {
  array.set(viewOf(instance, address, array, length));
}

/** The values at an address, of the same type as `like`. */
function viewOf(
  instance: WasmInstance,
  address: number,
  like: Float32Array | Float64Array,
  length: number,
): Float32Array | Float64Array {
  const isDouble = like.BYTES_PER_ELEMENT === Float64Array.BYTES_PER_ELEMENT;
  return isDouble
    ? new Float64Array(instance.buffer, address, length)
    : new Float32Array(instance.buffer, address, length);
}
