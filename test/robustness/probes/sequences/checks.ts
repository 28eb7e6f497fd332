import { type BatchNorm2D, FileFormatError, UnusedParamsError } from 'batchnorm';
import type { AnyTensor } from './slot.js';

// How the values of tensors are read, and compared with those of the model.

export function flat(tensor: AnyTensor): number[] {
  const values: unknown = tensor.array();
  return Array.isArray(values) ? (values.flat(Infinity) as number[]) : [values as number];
}

export function flatOrNothing(tensor: AnyTensor | undefined): number[] {
  return tensor === undefined ? [] : flat(tensor);
}

/** Reads the values without `.data`, which would prevent the memory from being recycled. */
export function valuesOf(tensor: AnyTensor): Float32Array {
  return Float32Array.from(flat(tensor));
}

export function tensorsOf(norm: BatchNorm2D<number>): number[][] {
  return norm.parameters().map(([, tensor]) => flat(tensor));
}

export function bytesOf(view: Float32Array): Buffer {
  return Buffer.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice());
}

export function requireSame(found: number, expected: number): void {
  if (!Object.is(found, expected)) throw new Error(`${found} where ${expected} was expected`);
}

export function requireNear(found: number, expected: number, slack: number, what: string): void {
  if (Math.abs(found - expected) <= slack) return;
  throw new Error(`${what} is ${found}, expected ${expected} within ${slack}`);
}

export function requireOurs(error: unknown): void {
  const classes = [TypeError, RangeError, FileFormatError, UnusedParamsError, Error];
  const isOurs =
    error instanceof Error &&
    classes.some((each) => error.constructor === each) &&
    /^(Expected |backward\(\) has consumed|update\(\) has consumed|This tensor was disposed)/.test(
      error.message,
    );
  if (!isOurs) throw new Error('The error is not one of ours', { cause: error });
}
