import { missingMethod, wrongType } from '../../validation/errors.js';
import { FileFormatError } from '../../io/files/file-format-error.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import type { GradientProvider, UnusedTensors } from '../../module/gradient-provider.js';
import type { RandomSource } from '../../core/tensor.js';
import { inPart, withOwner } from '../error-path.js';
import { layerType } from '../layer-description.js';
import { overrides } from '../overriding.js';
import { callSync } from '../../validation/synchronous.js';
import { type NamedTensor, readParameters } from '../../module/module.js';

/** A layer as a composition sees it: of a user's module only `forward` or `forwardMut` is certain. */
export interface Part {
  forward?(x: unknown): unknown;
  forwardMut?(x: unknown): unknown;
  parameters?(): readonly NamedTensor[];
  update?(provider: GradientProvider, unused: UnusedTensors): void;
  resetParams?(rng: RandomSource): void;
  clone?(): unknown;
  write?(zip: NpzWriter, prefix: string): void;
  read?(zip: NpzReader, prefix: string): Promise<void>;
}

export function asPart(name: string, layer: unknown): Part {
  const part = layer as Part | null | undefined;
  if (typeof part?.forward === 'function' || typeof part?.forwardMut === 'function') return part;
  throw wrongType(name, 'an object with forward() or forwardMut()', layer);
}

/** Inference by a part. Whoever calls it in a loop names the part in errors: `inPart`. */
export function infer(layer: unknown, x: unknown): unknown {
  const part = layer as Part;
  if (typeof part.forward === 'function') return part.forward(x);
  const why = ' for inference, but it has only forwardMut()';
  throw missingMethod('forward', layerType(part), why);
}

/** Training by a part. Layers without a mode take both kinds of tensors in `forward`. */
export function train(layer: unknown, x: unknown): unknown {
  const part = layer as Part;
  return part.forwardMut === undefined ? part.forward?.(x) : part.forwardMut(x);
}

/** Runs `call` for the part of `whole` that parameters() names `key`; an error gets its path. */
export function runPart<R>(whole: object, key: string, part: unknown, call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw inPart(error, whole, key, part);
  }
}

/** Runs a check of `whole` while layers inside it are running. */
export function runOwn<R>(whole: object, call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw withOwner(error, whole);
  }
}

/** Offers the parameters of a part to a provider. */
export function updatePart(
  whole: object,
  key: string,
  layer: unknown,
  provider: GradientProvider,
  unused: UnusedTensors,
): void {
  runPart(whole, key, layer, () => callSync('update()', () => (layer as Part).update?.(provider, unused)));
}

/** Resets a part that has parameters. */
export function resetPart(whole: object, key: string, layer: unknown, rng: RandomSource): void {
  runPart(whole, key, layer, () => callSync('resetParams()', () => (layer as Part).resetParams?.(rng)));
}

/** The tensors of a part that may have none, named as in the whole. */
export function namedTensors(whole: object, key: string, layer: unknown): readonly NamedTensor[] {
  return runPart(whole, key, layer, () => tensorsOf(layer)).map(([inner, tensor]) => [
    `${key}.${inner}`,
    tensor,
  ]);
}

/** The tensors of a part that may have none. @throws TypeError where its `parameters()` lists something else. */
export function tensorsOf(layer: unknown): readonly NamedTensor[] {
  const part = layer as Part;
  if (part.parameters === undefined) return [];
  return overrides(part, 'parameters') ? readParameters(layerType(part), part) : part.parameters();
}

/** Writes a part that has tensors. One that has and cannot be written would be missing in the file. */
export function writePart(whole: object, key: string, layer: unknown, zip: NpzWriter, prefix: string): void {
  const part = layer as Part;
  runPart(whole, key, layer, () => {
    if (part.write !== undefined) {
      callSync('write()', () => part.write?.(zip, prefix));
    } else if (tensorsOf(layer).length > 0) {
      throw missingMethod('write', layerType(part), ', which has parameters, but it has none');
    }
  });
}

/** Reads a part that has tensors, in place. */
export async function readPart(
  whole: object,
  key: string,
  layer: unknown,
  zip: NpzReader,
  prefix: string,
): Promise<void> {
  const part = layer as Part;
  try {
    if (part.read !== undefined) {
      await part.read(zip, prefix);
    } else if (tensorsOf(layer).length > 0) {
      throw missingMethod('read', layerType(part), ', which has parameters, but it has none');
    }
  } catch (error) {
    // One about the file names the entry, and with it the part.
    throw error instanceof FileFormatError ? error : inPart(error, whole, key, layer);
  }
}

/** The copies of the clone() that is running, by their originals. */
let copies: Map<unknown, unknown> | undefined;

/** Runs a function that clones parts. A part that is used several times, in whatever composition inside, is
 * copied once, and its copy is used as often. */
export function sharingCopies<R>(clone: () => R): R {
  if (copies !== undefined) return clone();
  copies = new Map();
  try {
    return clone();
  } finally {
    copies = undefined;
  }
}

/** The copy of what was copied before, or a new one. `copy` notes it as soon as there is one: it may contain itself. */
export function copyOnce<T>(original: T, copy: (note: (made: T) => void) => T): T {
  if (copies?.has(original) === true) return copies.get(original) as T;
  return copy((made) => copies?.set(original, made));
}

/** A copy of a part. One that cannot be copied would be shared between the two wholes. */
export function cloned(name: string, layer: unknown): unknown {
  const part = layer as Part;
  if (copies?.has(part) === true) return copies.get(part);
  if (typeof part.clone !== 'function') throw missingMethod('clone', name, ', but it has none');
  const copy = part.clone();
  copies?.set(part, copy);
  return copy;
}

/** The same for the part of `whole` that parameters() names `key`. */
export function clonePart(whole: object, key: string, layer: unknown): unknown {
  return runPart(whole, key, layer, () => cloned(layerType(layer as Part), layer));
}
