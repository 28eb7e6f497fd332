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
