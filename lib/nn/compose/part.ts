import { missingMethod, wrongType } from '../../validation/errors.js';
import { FileFormatError } from '../../io/files/file-format-error.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import type { GradientProvider, UnusedTensors } from '../../module/gradient-provider.js';
import type { RandomSource } from '../../core/tensor.js';
import { inPart, withOwner } from '../error-path.js';
import { layerType } from '../layer-description.js';
import { inferHolding } from './intermediates.js';
import { overrides } from '../overriding.js';
import { callSync } from '../../validation/synchronous.js';
import { type NamedTensor, readParameters } from '../../module/module.js';

/**
 * A layer as a composition sees it. Only `forward` or `forwardMut` is certain to exist in a user's module.
 */
export interface AnyLayer {
  forward?(x: unknown): unknown;
  forwardMut?(x: unknown): unknown;
  parameters?(): readonly NamedTensor[];
  update?(provider: GradientProvider, unused: UnusedTensors): void;
  resetParams?(rng: RandomSource): void;
  clone?(): unknown;
  write?(zip: NpzWriter, prefix: string): void;
  read?(zip: NpzReader, prefix: string): Promise<void>;
}

export function asPart(name: string, layer: unknown): AnyLayer {
  const part = layer as AnyLayer | null | undefined;
  if (typeof part?.forward === 'function' || typeof part?.forwardMut === 'function') return part;
  throw wrongType(name, 'an object with forward() or forwardMut()', layer);
}

/** Runs inference by a layer. Loops name the layer in errors by `inPart`. */
export function infer(layer: unknown, x: unknown): unknown {
  const part = layer as AnyLayer;
  if (typeof part.forward === 'function') return inferHolding(part as Required<AnyLayer>, x);
  const why = ' for inference, but it has only forwardMut()';
  throw missingMethod('forward', layerType(part), why);
}

/** Runs training by a layer. Layers without modes accept both kinds of tensors in `forward`. */
export function train(layer: unknown, x: unknown): unknown {
  const part = layer as AnyLayer;
  return part.forwardMut === undefined ? part.forward?.(x) : part.forwardMut(x);
}

/** Runs `call` for the layer that `parameters()` of `whole` names `key`, and adds its path to errors. */
export function runPart<R>(whole: object, key: string, part: unknown, call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw inPart(error, whole, key, part);
  }
}

/** Runs a check of `whole` while its layers are running. */
export function runOwn<R>(whole: object, call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw withOwner(error, whole);
  }
}

/** Offers the parameters of a layer to a provider. */
export function updatePart(
  whole: object,
  key: string,
  layer: unknown,
  provider: GradientProvider,
  unused: UnusedTensors,
): void {
  runPart(whole, key, layer, () =>
    callSync('update()', () => (layer as AnyLayer).update?.(provider, unused)),
  );
}

/** Resets a layer, if it has resetParams(). */
export function resetPart(whole: object, key: string, layer: unknown, rng: RandomSource): void {
  runPart(whole, key, layer, () => callSync('resetParams()', () => (layer as AnyLayer).resetParams?.(rng)));
}

/** The tensors of a layer, if it has any, named as in the whole. */
export function namedTensors(whole: object, key: string, layer: unknown): readonly NamedTensor[] {
  return runPart(whole, key, layer, () => tensorsOf(layer)).map(([inner, tensor]) => [
    `${key}.${inner}`,
    tensor,
  ]);
}

/**
 * The tensors of a layer, if it has any.
 * @throws TypeError if its `parameters()` returns anything else.
 */
export function tensorsOf(layer: unknown): readonly NamedTensor[] {
  const part = layer as AnyLayer;
  if (part.parameters === undefined) return [];
  return overrides(part, 'parameters') ? readParameters(layerType(part), part) : part.parameters();
}

/**
 * Writes a layer's tensors. A layer with tensors but without write() is an error, because it would be missing
 * in the file.
 */
export function writePart(whole: object, key: string, layer: unknown, zip: NpzWriter, prefix: string): void {
  const part = layer as AnyLayer;
  runPart(whole, key, layer, () => {
    if (part.write !== undefined) {
      callSync('write()', () => part.write?.(zip, prefix));
    } else if (tensorsOf(layer).length > 0) {
      throw missingMethod('write', layerType(part), ', which has parameters, but it has none');
    }
  });
}

/** Reads a layer's tensors in place. */
export async function readPart(
  whole: object,
  key: string,
  layer: unknown,
  zip: NpzReader,
  prefix: string,
): Promise<void> {
  const part = layer as AnyLayer;
  try {
    if (part.read !== undefined) {
      await part.read(zip, prefix);
    } else if (tensorsOf(layer).length > 0) {
      throw missingMethod('read', layerType(part), ', which has parameters, but it has none');
    }
  } catch (error) {
    // An error about the file names the entry, and thereby the layer.
    throw error instanceof FileFormatError ? error : inPart(error, whole, key, layer);
  }
}

/** The copies made by the running clone(), by their originals. */
let copies: Map<unknown, unknown> | undefined;

/**
 * Runs a function that clones layers. A layer that is used in several places, at any depth, is copied once,
 * and the copy is used in the same places.
 */
export function sharingCopies<R>(clone: () => R): R {
  if (copies !== undefined) return clone();
  copies = new Map();
  try {
    return clone();
  } finally {
    copies = undefined;
  }
}

/**
 * Returns the existing copy, or makes one. `copy` passes the new copy to `note` before it copies the content,
 * which may contain the original.
 */
export function copyOnce<T>(original: T, copy: (note: (made: T) => void) => T): T {
  if (copies?.has(original) === true) return copies.get(original) as T;
  return copy((made) => copies?.set(original, made));
}

/**
 * Clones a layer. A layer without clone() is an error, because both wholes would share it.
 * @throws TypeError, too, if clone() returns no object.
 */
export function cloned(name: string, layer: unknown): unknown {
  const part = layer as AnyLayer;
  if (copies?.has(part) === true) return copies.get(part);
  if (typeof part.clone !== 'function') throw missingMethod('clone', name, ', but it has none');
  const copy = part.clone();
  if (typeof copy !== 'object' || copy === null) throw wrongType(`clone() of ${name}`, 'a module', copy);
  copies?.set(part, copy);
  return copy;
}

/** As `cloned`, for the layer that `parameters()` of `whole` names `key`. */
export function clonePart(whole: object, key: string, layer: unknown): unknown {
  return runPart(whole, key, layer, () => cloned(layerType(layer as AnyLayer), layer));
}
