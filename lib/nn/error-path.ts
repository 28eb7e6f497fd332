import { isNativeError, isRangeError } from '../validation/realm.js';
import { layerType } from './layer-description.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { shortenPath } from './shorten-path.js';

// An error in a layer of a composition gets the path of the layer in its message, ", in 3.head (Linear)", as
// parameters() spells it. Nothing of this runs before an error was thrown. The error itself stays the same: users
// test its class, its code and its identity.

/** Where an error began, seen from `module`. */
interface Place {
  /** The message as it was thrown. */
  readonly original: string;
  /** The message with the path; another one means that somebody has changed it since. */
  readonly shown: string;
  readonly keys: readonly string[];
  /** Class of the module in which the error began. */
  readonly type: string;
  /** What the keys begin at. */
  readonly module: unknown;
  /** The composition whose own check failed while it ran as a part of a layer inside: those in between do not
   * belong to the path. */
  readonly owner?: object;
}

const places = new WeakMap<Error, Place>();

/** Notes that an error was thrown by a module's own code; or by a part, which has noted it before. */
export function noteOrigin(error: unknown, module: unknown): void {
  note(error, (native) => {
    const place = places.get(native);
    if (place?.module !== module && place?.owner === undefined) begin(native, module);
  });
}

/** Notes that a check of `whole` has failed, though layers inside are still running. Gives the error back. */
export function withOwner(error: unknown, whole: object): unknown {
  return note(error, (native) => {
    const place = places.get(native);
    const own = place?.module === whole ? place : begin(native, whole);
    places.set(native, { ...own, owner: whole });
  });
}

/** Puts the path of a part into the message of what it threw. Gives the error back, to be thrown again. */
export function inPart(error: unknown, whole: object, key: string, part: unknown): unknown {
  if (isStackOverflow(error)) return note(error, tooDeep);
  return note(error, (native) => {
    annotate(native, whole, key, part);
  });
}

const endless =
  'Expected fewer modules inside each other: the calls used up the stack. One may contain itself';

/** Whether the stack was used up, or that was reported already. */
function isStackOverflow(error: unknown): boolean {
  if (!isRangeError(error)) return false;
  // No regular expression: it would need stack, too.
  const { message } = error as RangeError;
  return message.startsWith('Maximum call stack size exceeded') || message === endless;
}

/** Words such an error. It gets no path, whose length would be the depth. */
function tooDeep(error: Error): void {
  // Each module around tries again: this may use up the stack itself.
  if (!Object.hasOwn(error, 'code')) Object.assign(error, { code: 'ERR_BATCHNORM_VALUE' });
  if (error.message !== endless) setMessage(error, endless);
}

function note(error: unknown, take: (native: Error) => void): unknown {
  try {
    if (isNativeError(error)) take(error);
  } catch {
    // An error whose properties throw when they are read stays as it is.
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
  // The same error may be thrown again and again; it never names two places.
  const original = before?.shown === error.message ? before.original : error.message;
  const type = typeof module === 'object' && module !== null ? layerType(module) : typeof module;
  const place: Place = { original, shown: error.message, keys: [], type, module };
  places.set(error, place);
  return place;
}

/** The keys of a place as seen from `part`: a user's module runs its parts itself, but names their tensors. */
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

/** False where the error does not let its message be changed: a frozen one stays as it is. */
function setMessage(error: Error, message: string): boolean {
  const old = error.message;
  // Read before: V8 words its first line when it is first read.
  const stack: unknown = error.stack;
  try {
    error.message = message;
  } catch {
    return false;
  }
  // What Node prints of an uncaught error is its stack, which begins with the message as it was.
  if (typeof stack !== 'string') return true;
  const [before, after] = old === '' ? [/(?=\n|$)/, `: ${message}`] : [old, message];
  try {
    error.stack = stack.replace(before, () => after);
  } catch {
    // The message alone has the path then.
  }
  return true;
}
