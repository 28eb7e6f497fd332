import { callSync } from '../../validation/synchronous.js';

/** One change of a load. */
export interface Change {
  readonly apply: () => void;
  /** Puts back what `apply` changed, where it has changed anything. Called when this change or a later one
   * throws. Without it the change cannot be taken back. */
  readonly undo?: (() => void) | undefined;
}

/** Setting one value, which a setter may refuse. */
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
 * Changes that are made all together or not at all: reading a file only notes them, and they are made
 * once everything has been read. Where one of them fails, the ones before it are taken back.
 */
export class Stage {
  #depth = 0;
  /** How many outermost calls have failed. */
  #failures = 0;
  readonly #changes: Change[] = [];

  /** Notes a change; outside of `together` it is made at once. */
  note(change: Change): void {
    if (this.#depth === 0) {
      commit([change]);
    } else {
      this.#changes.push(change);
    }
  }

  /** Makes the changes noted in `read` at its end, and none of them where it throws. Within another call
   * they wait for the end of that one. */
  async together(read: () => Promise<void>): Promise<void> {
    const before = this.#changes.length;
    const outermost = this.#depth === 0;
    const failures = this.#failures;
    this.#depth++;
    try {
      await read();
      // A part that was read side by side with one that failed ends after the whole was given up.
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

/** Makes all changes or none, except those that cannot be taken back: they come last, so that they are not even
 * begun where one of the others fails. */
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
    // The setter that failed is likely to fail again. Its first error is the one to report, and the changes before
    // it still have to be taken back.
  }
}
