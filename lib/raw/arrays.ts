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

function overlap(a: Float32Array, b: Float32Array): boolean {
  if (a.buffer === b.buffer) {
    return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
  }
  // Two SharedArrayBuffers may be the same memory: a structuredClone(), or a WebAssembly.Memory before and
  // after it grew. The memory of an ArrayBuffer is its own.
  return (
    isShared(a.buffer) &&
    isShared(b.buffer) &&
    backend.overlap(a.length, named('a', a), b.length, named('b', b))
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
  const writtenNames = Object.keys(written);
  const readNames = Object.keys(read);
  for (const name of writtenNames) {
    for (const other of writtenNames) {
      if (other !== name) requireApart(name, written[name], other, written[other], false);
    }
    for (const other of readNames) {
      const allowed = mayBeSame.some(([w, r]) => w === name && r === other);
      requireApart(name, written[name], other, read[other], allowed);
    }
  }
}

function requireApart(
  name: string,
  array: Float32Array,
  otherName: string,
  other: Float32Array,
  mayBeSame: boolean,
): void {
  if (!overlap(array, other) || (mayBeSame && same(array, other))) return;
  throw rangeError(
    'ERR_BATCHNORM_OVERLAP',
    `Expected ${mayBeSame ? `${otherName} itself or ` : ''}memory apart from ${otherName} for ${name} but received memory that overlaps it`,
  );
}
