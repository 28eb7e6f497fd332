import { backend } from '#lib/backend/index';

/** What the addon of `npm run check -- hooks` has besides: native/binding/test_hooks.cc. */
export interface Hooks {
  /** Lets the attempt with this number fail, counted from 1 and from now on; 0 for none. */
  readonly failAttempt: (number: number, andAllAfter: boolean) => void;
  /** Blocks the thread that makes the attempt with this number, counted from 1 and from now on, for ever. */
  readonly hangAtAttempt: (number: number) => void;
  /** Attempts since then. */
  readonly attempts: () => number;
  /** In bytes. */
  readonly setCacheSizes: (l1: number, l2: number, last: number) => void;
  /** From how many elements on another thread takes part. */
  readonly setElementsPerThread: (elements: number) => void;
}

export function hooks(): Hooks {
  if (!('failAttempt' in backend)) throw new Error('Expected the addon of npm run check -- hooks');
  return backend as unknown as Hooks;
}
