/**
 * Changes that are made all together or not at all: reading a file only notes them, and they are made
 * once everything has been read.
 */
export class Stage {
  #depth = 0;
  /** How many outermost calls have failed. */
  #failures = 0;
  readonly #changes: (() => void)[] = [];

  /** Notes a change; outside of `together` it is made at once. */
  note(change: () => void): void {
    if (this.#depth === 0) {
      change();
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
    if (this.#depth === 0) for (const change of this.#changes.splice(0)) change();
  }
}
