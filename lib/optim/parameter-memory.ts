import { Storage } from '../core/storage.js';

const nothing: readonly Storage[] = [];

/**
 * The values that an optimizer keeps for each parameter, of the parameter's length, where the backend computes without copying
 * them. They are released with the parameter.
 */
export class ParameterMemory {
  readonly #storages = new WeakMap<Storage, readonly Storage[]>();

  /** @param initial Initial value of each storage. */
  constructor(private readonly initial: readonly number[]) {}

  of(parameter: Storage): readonly Storage[] {
    if (this.initial.length === 0) return nothing;
    let storages = this.#storages.get(parameter);
    if (storages === undefined) {
      const { length } = parameter.values;
      storages = this.initial.map((value) => {
        const storage = Storage.take(length);
        storage.values.fill(value);
        return storage;
      });
      this.#storages.set(parameter, storages);
    }
    return storages;
  }

  /** The values of a parameter that has been updated, or whose values were read; undefined for others. */
  existing(parameter: Storage): readonly Storage[] | undefined {
    return this.#storages.get(parameter);
  }

  /** Replaces the values of a parameter; undefined for those of one that was never updated. */
  replace(parameter: Storage, storages: readonly Storage[] | undefined): void {
    if (storages === undefined) this.#storages.delete(parameter);
    else this.#storages.set(parameter, storages);
  }
}
