import { freshFloats } from '../backend/room.js';
import type { Storage } from '../core/storage.js';

const nothing: readonly Float32Array[] = [];

/** What an optimizer remembers of each parameter from step to step: arrays of the parameter's length.
 * It goes when the parameter goes. */
export class ParameterMemory {
  readonly #arrays = new WeakMap<Storage, readonly Float32Array[]>();

  /** @param initial The value that each array begins with. */
  constructor(private readonly initial: readonly number[]) {}

  of(parameter: Storage): readonly Float32Array[] {
    if (this.initial.length === 0) return nothing;
    let arrays = this.#arrays.get(parameter);
    if (arrays === undefined) {
      const { length } = parameter.values;
      arrays = this.initial.map((value) => freshFloats('the memory of an optimizer', length).fill(value));
      this.#arrays.set(parameter, arrays);
    }
    return arrays;
  }
}
