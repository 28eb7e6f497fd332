import { backend } from '#lib/backend/index';

/** Additional functions of the addon of `npm run check -- hooks`, from native/binding/test_hooks.cc. */
export interface Hooks {
  /** Makes the nth attempt from now on fail, counted from 1; 0 for none. */
  readonly failAttempt: (number: number, andAllAfter: boolean) => void;
  /** Blocks the thread of the nth attempt from now on, counted from 1, forever. */
  readonly hangAtAttempt: (number: number) => void;
  /** Attempts since then. */
  readonly attempts: () => number;
  /** In bytes. */
  readonly setCacheSizes: (l1: number, l2: number, last: number) => void;
  /** Minimum number of elements for another thread. */
  readonly setElementsPerThread: (elements: number) => void;
}

export function hooks(): Hooks {
  if (!('failAttempt' in backend)) throw new Error('Expected the addon of npm run check -- hooks');
  return backend as unknown as Hooks;
}
