import { isNativeError, isRangeError } from '../validation/realm.js';
import { layerType } from './layer-description.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { shortenPath } from './shorten-path.js';

// Adds the path of a layer to the message of an error in it, ", in 3.head (Linear)", spelled as in
// `parameters()`. This costs nothing until an error is thrown. The error object stays the same, because users
// test its class, its code and its identity.

/** The origin of an error relative to `module`. */
interface Place {
  /** The message without the path. */
  readonly original: string;
  /** The message with the path. If the error has another message, the user has changed it. */
  readonly shown: string;
  readonly keys: readonly string[];
  /** Class of the module in which the error began. */
  readonly type: string;
  /** The module to which the keys are relative. */
  readonly module: unknown;
  /**
   * The composition whose own check failed while it was running a nested layer; the layers in between do not
   * belong to the path.
   */
  readonly owner?: object;
}

const places = new WeakMap<Error, Place>();

/** Records the module whose code threw an error, unless a nested layer has done so before. */
export function noteOrigin(error: unknown, module: unknown): void {
  note(error, (native) => {
    const place = places.get(native);
    if (place?.module !== module && place?.owner === undefined) begin(native, module);
  });
}

/** Records that a check of `whole` has failed, although its layers are still running. Returns the error. */
export function withOwner(error: unknown, whole: object): unknown {
  return note(error, (native) => {
    const place = places.get(native);
    const own = place?.module === whole ? place : begin(native, whole);
    places.set(native, { ...own, owner: whole });
  });
}

/**
 * Adds the path of a layer to the message of an error that it threw. Returns the error, to be thrown again.
 */
export function inPart(error: unknown, whole: object, key: string, part: unknown): unknown {
  if (isStackOverflow(error)) return note(error, tooDeep);
  return note(error, (native) => {
    annotate(native, whole, key, part);
  });
}

const endless =
  'Expected fewer levels of nested modules: the call stack overflowed. A module may contain itself';

/** Whether the error is a stack overflow, or our own report of one. */
function isStackOverflow(error: unknown): boolean {
  if (!isRangeError(error)) return false;
  // Not a regular expression, which would need stack, too.
  const { message } = error as RangeError;
  return message.startsWith('Maximum call stack size exceeded') || message === endless;
}

/** Rewrites the message of a stack overflow. It has no path, which would be as long as the stack is deep. */
function tooDeep(error: Error): void {
  // Each surrounding module tries again, because this may itself overflow the stack.
  if (!Object.hasOwn(error, 'code')) Object.assign(error, { code: 'ERR_BATCHNORM_VALUE' });
  if (error.message !== endless) setMessage(error, endless);
}

function note(error: unknown, take: (native: Error) => void): unknown {
  try {
    if (isNativeError(error)) take(error);
  } catch {
    // An error whose properties throw stays as it is.
  }
  return error;
}

function annotate(error: Error, whole: object, key: string, part: unknown): void {
  const place = places.get(error);
  if (place?.owner !== undefined && place.owner !== whole) return;
  if (place?.owner === whole) {
    const { owner: _, ...settled } = place;
    places.set(error, settled);
    return;
  }
  const inside = place && keysIn(part, place);
  const at = place === undefined || inside === undefined ? begin(error, part) : { ...place, keys: inside };
  const keys = [key, ...at.keys];
  const path = `in ${shortenPath(keys.join('.'))} (${at.type})`;
  const shown = at.original === '' ? path : `${at.original}, ${path}`;
  if (setMessage(error, shown)) places.set(error, { ...at, keys, shown, module: whole });
}

function begin(error: Error, module: unknown): Place {
  const before = places.get(error);
  // The same error may be thrown again, but its message names one path only.
  const original = before?.shown === error.message ? before.original : error.message;
  const type = typeof module === 'object' && module !== null ? layerType(module) : typeof module;
  const place: Place = { original, shown: error.message, keys: [], type, module };
  places.set(error, place);
  return place;
}

/**
 * The keys of a place relative to `part`. A user's module runs its layers itself, so their path follows from
 * the names of their tensors.
 */
function keysIn(part: unknown, { module, keys }: Place): readonly string[] | undefined {
  if (module === part) return keys;
  try {
    const [first] = (module as Partial<CanUpdateWithGradients>).parameters?.() ?? [];
    if (first === undefined) return undefined;
    const [inner, tensor] = first;
    const outer = (part as Partial<CanUpdateWithGradients>)
      .parameters?.()
      .find(([, each]) => each === tensor)?.[0];
    if (outer?.endsWith(`.${inner}`) !== true) return undefined;
    return [outer.slice(0, -inner.length - 1), ...keys];
  } catch {
    // A user's parameters() that throws must not hide the error that is being reported.
    return undefined;
  }
}

/** Sets the message of an error. Returns false if that is impossible, as for a frozen error. */
function setMessage(error: Error, message: string): boolean {
  const old = error.message;
  // Read before changing the message, because V8 composes the stack's first line when it is first read.
  const stack: unknown = error.stack;
  try {
    error.message = message;
  } catch {
    return false;
  }
  // Node prints the stack of an uncaught error, which begins with the old message.
  if (typeof stack !== 'string') return true;
  const [before, after] = old === '' ? [/(?=\n|$)/, `: ${message}`] : [old, message];
  try {
    error.stack = stack.replace(before, () => after);
  } catch {
    // Only the message has the path then.
  }
  return true;
}
