import { type Argument, named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { freshFloats } from '../backend/allocation.js';
import {
  describe,
  rangeError,
  requireAttached,
  unknownOption,
  wrongShape,
  wrongType,
} from '../validation/errors.js';
import { type ImageShape, readImageShape } from '../ops/image-shape.js';
import type { Shape } from '../core/shape.js';
import { isFloat32Array, lengthOf } from '../validation/typed-array.js';
import { definesName } from '../validation/plain-object.js';
import { readShape } from '../core/values.js';

/** [C, H, W] or [N, C, H, W]. */
export type RawShape =
  | readonly [channels: number, height: number, width: number]
  | readonly [images: number, channels: number, height: number, width: number];

export interface RawImage extends ImageShape {
  readonly shape: Shape;
  readonly elements: number;
}

export function readImage(shape: unknown): RawImage {
  const own = readShape('shape', shape as Shape);
  const { images, channels, plane } = readImageShape('shape', own);
  return { images, channels, plane, shape: own, elements: images * channels * plane };
}

/**
 * Checks that a value is a Float32Array of exactly this length; a detached array has length 0.
 * @param name Name of the array: in the object that was passed, the object's name, and the kernel's argument.
 */
export function requireArray<Name extends string>(
  name: Name | `out.${Name}`,
  value: unknown,
  length: number,
): Argument<Name> {
  if (!isFloat32Array(value)) throw wrongType(name, 'a Float32Array', value);
  if (lengthOf(value) !== length) {
    requireAttached(name, value);
    throw wrongShape(name, `${length} values`, describe(value));
  }
  return value as Argument<Name>;
}

/** Allocates a result. */
export function allocate<Name extends string>(name: Name, length: number): Argument<Name> {
  return named(name, freshFloats('a result', length));
}

/**
 * Names in the objects that the functions accept and return. One object may serve several functions, as the
 * object of training does for the backward pass; any other name is misspelled.
 */
const names = new Set(
  [
    ['x', 'dy', 'shape', 'scale', 'bias', 'runningMean', 'runningVar', 'epsilon', 'momentum'],
    ['y', 'mean', 'meanLow', 'invStd', 'dx', 'dscale', 'dbias'],
  ].flat(),
);

export function requireObject(argument: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw wrongType(argument, 'an object', value);
  const given = value as Readonly<Record<string, unknown>>;
  let isOverlaid = false;
  // Unlike Object.keys, for...in allocates nothing.
  for (const name in given) {
    if (Object.hasOwn(given, name) || definesName(given, name)) {
      if (!names.has(name)) throw unknownOption(argument, [...names], name);
    } else {
      isOverlaid = true;
    }
  }
  return isOverlaid ? withoutObjectPrototype(given) : given;
}

/** The same arguments without what someone has added to `Object.prototype`. */
function withoutObjectPrototype(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const own = Object.create(null) as Record<string, unknown>;
  for (const name of names) {
    if (definesName(given, name)) own[name] = given[name];
  }
  return own;
}

/** An array with its name and its buffer, whose accessor takes longer than a comparison. */
interface NamedArray {
  readonly name: string;
  readonly array: Float32Array;
  readonly buffer: ArrayBufferLike;
}

function withNames(arrays: Readonly<Record<string, Float32Array>>): NamedArray[] {
  return Object.keys(arrays).map((name) => ({ name, array: arrays[name], buffer: arrays[name].buffer }));
}

function overlap(a: NamedArray, b: NamedArray, isFirstShared: boolean): boolean {
  if (a.buffer === b.buffer) {
    const { array: first } = a;
    const { array: second } = b;
    return (
      first.byteOffset < second.byteOffset + second.byteLength &&
      second.byteOffset < first.byteOffset + first.byteLength
    );
  }
  // Two SharedArrayBuffers may be the same memory: a structuredClone(), or a WebAssembly.Memory before and
  // after it grew. The memory of an ArrayBuffer is its own.
  return (
    isFirstShared &&
    isShared(b.buffer) &&
    backend.overlap(a.array.length, named('a', a.array), b.array.length, named('b', b.array))
  );
}

function isShared(buffer: ArrayBufferLike): boolean {
  return buffer[Symbol.toStringTag] === 'SharedArrayBuffer';
}

function same(a: Float32Array, b: Float32Array): boolean {
  return a.byteOffset === b.byteOffset && a.byteLength === b.byteLength;
}

/**
 * Throws if an output shares memory with another array, except that the pairs in `mayBeSame` may be the same
 * array.
 */
export function requireNoOverlap(
  written: Readonly<Record<string, Float32Array>>,
  read: Readonly<Record<string, Float32Array>>,
  mayBeSame: readonly (readonly [written: string, read: string])[] = [],
): void {
  const outputs = withNames(written);
  const inputs = withNames(read);
  for (const output of outputs) {
    const shared = isShared(output.buffer);
    for (const other of outputs) {
      if (other !== output && overlap(output, other, shared)) refuseOverlap(output, other, false);
    }
    for (const input of inputs) {
      if (!overlap(output, input, shared)) continue;
      const allowed = mayBeSame.some(([w, r]) => w === output.name && r === input.name);
      if (!allowed || !same(output.array, input.array)) refuseOverlap(output, input, allowed);
    }
  }
}

function refuseOverlap({ name }: NamedArray, other: NamedArray, mayBeSame: boolean): never {
  const expected = `${mayBeSame ? `${other.name} itself or ` : ''}memory apart from ${other.name} for ${name}`;
  throw rangeError('ERR_BATCHNORM_OVERLAP', `Expected ${expected} but received memory that overlaps it`);
}
