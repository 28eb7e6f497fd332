import { freshFloats } from '../backend/allocation.js';
import type { Storage } from '../core/storage.js';

const nothing: readonly Float32Array[] = [];

/** The arrays that an optimizer keeps for each parameter, of the parameter's length. They are released with the
 * parameter. */
export class ParameterMemory {
  readonly #arrays = new WeakMap<Storage, readonly Float32Array[]>();

  /** @param initial Initial value of each array. */
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

  /** The arrays of a parameter that has been updated, or whose arrays were read; undefined for others. */
  existing(parameter: Storage): readonly Float32Array[] | undefined {
    return this.#arrays.get(parameter);
  }

  /** Replaces the arrays of a parameter; undefined for those of one that was never updated. */
  replace(parameter: Storage, arrays: readonly Float32Array[] | undefined): void {
    if (arrays === undefined) this.#arrays.delete(parameter);
    else this.#arrays.set(parameter, arrays);
  }
}
