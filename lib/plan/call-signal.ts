import { readSignal, type StopSignal } from '../training/batches.js';
import { wrongType } from '../validation/errors.js';

/** The part of `AbortSignal` that calls use. Declared here because users need not have its type. */
export interface CallSignal extends StopSignal {
  /** Calls the listener when the signal is aborted. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Removes a listener that was added. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** @throws TypeError for anything but an AbortSignal or undefined. */
export function readCallSignal(value: unknown): CallSignal | undefined {
  const signal = readSignal(value) as Partial<CallSignal> | undefined;
  if (signal === undefined) return undefined;
  if (typeof signal.addEventListener === 'function' && typeof signal.removeEventListener === 'function') {
    return signal as CallSignal;
  }
  throw wrongType('signal', 'an AbortSignal', value);
}

/** The functions to call when a signal is aborted, and the one listener that calls them. */
interface Shared {
  readonly listeners: Set<() => void>;
  readonly notify: () => void;
}

const shared = new WeakMap<CallSignal, Shared>();

/**
 * Calls a function when the signal is aborted, but not if it is aborted already. All calls with the same signal share one
 * listener, because Node warns of a leak when a signal has more than ten.
 * @param listener Another function in each call with the same signal. It must not throw.
 * @returns A function that undoes this. It never throws.
 * @throws What the signal throws; the listener is not called then.
 */
export function onAbort(signal: CallSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const { listeners, notify } = shared.get(signal) ?? share(signal);
  const isFirst = listeners.size === 0;
  listeners.add(listener);
  try {
    if (isFirst) signal.addEventListener('abort', notify);
  } catch (error) {
    listeners.delete(listener);
    throw error;
  }
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    try {
      signal.removeEventListener('abort', notify);
    } catch {
      // The call has its result, and without listeners `notify` does nothing.
    }
  };
}

/** Why a signal was aborted, or what it throws when it is asked. */
export function abortReason(signal: CallSignal | undefined): unknown {
  try {
    return signal?.reason;
  } catch (error) {
    return error;
  }
}

function share(signal: CallSignal): Shared {
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const each of listeners) each();
  };
  const made = { listeners, notify };
  shared.set(signal, made);
  return made;
}
