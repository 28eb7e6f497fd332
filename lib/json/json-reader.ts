import { requireFinite, wrongType, wrongValue } from '../validation/errors.js';
import { readJsonArray, readJsonNumbers } from './json-numbers.js';

/** Reads the fields of an object that came from outside. */
export class JsonReader {
  readonly #fields: Readonly<Record<string, unknown>>;

  /**
   * @param argument What messages call the object.
   * @param type What its field `type` must be: the class whose `toJSON` made it.
   * @throws TypeError for what is no such object.
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
    if (this.#fields.type !== type) {
      throw wrongType(`${argument}.type`, JSON.stringify(type), this.#fields.type);
    }
  }

  /** What messages call a field. */
  place(name: string): string {
    return `${this.argument}.${name}`;
  }

  field(name: string): unknown {
    return this.#fields[name];
  }

  /** An integer from `min` on. */
  integer(name: string, min: number): number {
    const place = this.place(name);
    const value = requireFinite(place, this.#fields[name]);
    if (!Number.isSafeInteger(value) || value < min) {
      throw wrongValue(place, `an integer from ${min}`, String(value));
    }
    return value;
  }

  /** An array of this length, whatever is in it. To be called before memory of this length is allocated: a few
   * letters may ask for gigabytes. */
  array(name: string, length: number): readonly unknown[] {
    return readJsonArray(this.place(name), this.#fields[name], length);
  }

  /** An array of any length. */
  list(name: string): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw wrongType(this.place(name), 'an array', value);
    return value as readonly unknown[];
  }

  /** Writes an array of as many numbers into `values`. */
  into(name: string, values: Float32Array): void {
    readJsonNumbers(this.place(name), this.#fields[name], values);
  }
}
