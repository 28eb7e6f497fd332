import { requireFinite, wrongType, wrongValue } from '../validation/errors.js';
import { definesName } from '../validation/plain-object.js';
import { readJsonArray, readJsonNumbers } from './json-numbers.js';

/** Reads the fields of an untrusted object. */
export class JsonReader {
  readonly #fields: Readonly<Record<string, unknown>>;

  /**
   * @param argument Name of the object in messages.
   * @param type Required value of the field `type`: the name of the class whose `toJSON` made the object.
   * @throws TypeError for any other object.
   */
  constructor(
    readonly argument: string,
    json: unknown,
    type: string,
  ) {
    if (typeof json !== 'object' || json === null) {
      throw wrongType(argument, `an object from ${type}.toJSON()`, json);
    }
    this.#fields = json as Record<string, unknown>;
    if (this.field('type') !== type) {
      throw wrongType(`${argument}.type`, JSON.stringify(type), this.field('type'));
    }
  }

  /** Name of a field in messages. */
  place(name: string): string {
    return `${this.argument}.${name}`;
  }

  /** Undefined if the object lacks it, whatever `Object.prototype` has. */
  field(name: string): unknown {
    return definesName(this.#fields, name) ? this.#fields[name] : undefined;
  }

  /** Requires an integer of at least `min`. */
  integer(name: string, min: number): number {
    const place = this.place(name);
    const value = requireFinite(place, this.field(name));
    if (!Number.isSafeInteger(value) || value < min) {
      throw wrongValue(place, `an integer from ${min}`, String(value));
    }
    return value;
  }

  /**
   * Requires an array of this length, with any elements. Call it before allocating memory of this length: a
   * short text may claim gigabytes.
   */
  array(name: string, length: number): readonly unknown[] {
    return readJsonArray(this.place(name), this.field(name), length);
  }

  /** Requires an array of any length. */
  list(name: string): readonly unknown[] {
    const value = this.field(name);
    if (!Array.isArray(value)) throw wrongType(this.place(name), 'an array', value);
    return value as readonly unknown[];
  }

  /** Writes an array of numbers into `values`, which must have the same length. */
  into(name: string, values: Float32Array): void {
    readJsonNumbers(this.place(name), this.field(name), values);
  }
}
