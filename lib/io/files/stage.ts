import { callSync } from '../../validation/synchronous.js';

/** One change of a load. */
export interface Change {
  readonly apply: () => void;
  /**
   * Restores the state before `apply`, if it has changed anything. Called when this change or a later one
   * throws. A change without `undo` is permanent.
   */
  readonly undo?: (() => void) | undefined;
}

/** A change that sets one value; the setter may throw. */
export function replacement<T>(get: () => T, set: (value: T) => void, value: T): Change {
  let before: { readonly value: T } | undefined;
  return {
    apply() {
      before = { value: get() };
      set(value);
    },
    undo() {
      if (before !== undefined) set(before.value);
    },
  };
}

/**
 * Collects changes while a file is read and makes all of them, or none, once everything has been read. If one
 * of them fails, the changes before it are undone.
 */
export class Stage {
  #depth = 0;
  /** Number of outermost calls that have failed. */
  #failures = 0;
  readonly #changes: Change[] = [];

  /** Notes a change. Outside of `transaction`, makes it at once. */
  note(change: Change): void {
    if (this.#depth === 0) {
      commit([change]);
    } else {
      this.#changes.push(change);
    }
  }

  /**
   * Makes the changes noted in `read` at its end, or none of them if it throws. The changes of a nested call
   * wait for the end of the outermost one.
   */
  async transaction(read: () => Promise<void>): Promise<void> {
    const before = this.#changes.length;
    const outermost = this.#depth === 0;
    const failures = this.#failures;
    this.#depth++;
    try {
      await read();
      // A part that is read concurrently with a part that fails ends after the load was abandoned; its
      // changes must not be made.
      if (failures !== this.#failures) this.#changes.length = 0;
    } catch (error) {
      this.#changes.length = Math.min(this.#changes.length, before);
      if (outermost) this.#failures++;
      throw error;
    } finally {
      this.#depth--;
    }
    if (this.#depth === 0) commit(this.#changes.splice(0));
  }
}

/**
 * Makes all changes or none. Permanent changes come last, so that none of them is begun if a reversible one
 * fails.
 */
export function commit(changes: readonly Change[]): void {
  const begun: Change[] = [];
  const [reversible, others] = [true, false].map((is) =>
    changes.filter(({ undo }) => (undo !== undefined) === is),
  );
  try {
    for (const change of [...reversible, ...others]) {
      begun.push(change);
      callSync('a change', () => change.apply());
    }
  } catch (error) {
    for (const { undo } of begun.reverse()) takeBack(undo);
    throw error;
  }
}

function takeBack(undo: (() => void) | undefined): void {
  try {
    undo?.();
  } catch {
    // The failed setter is likely to fail again. Its first error is the one to report, and the changes before
    // it still have to be undone.
  }
}
