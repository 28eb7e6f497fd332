// One wording for every bad argument: what was expected for which argument, and what came.

/** How a received value reads in a message: `"x" of type string`, `[2, 3] of type Array`. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  switch (typeof value) {
    case 'string':
      return `${JSON.stringify(shorten(value))} of type string`;
    case 'number':
    case 'boolean':
      return `${String(value)} of type ${typeof value}`;
    case 'bigint':
      return `${value}n of type bigint`;
    case 'function':
      return `a function`;
    case 'symbol':
      return `a symbol`;
    default:
      return describeObject(value);
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an Array of length ${value.length}`;
  if (ArrayBuffer.isView(value)) {
    const name = constructorName(value);
    return 'length' in value ? `${name} of length ${String(value.length)}` : name;
  }
  return `an object of type ${constructorName(value)}`;
}

function constructorName(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return 'Object';
  const name: unknown = (prototype as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** A TypeError for an argument of the wrong type. */
export function wrongType(argument: string, expected: string, received: unknown): TypeError {
  return new TypeError(`Expected ${expected} for ${argument} but received ${describe(received)}`);
}

/** A RangeError for an argument of the right type with a value that is not allowed. */
export function wrongValue(argument: string, expected: string, received: string): RangeError {
  return new RangeError(`Expected ${expected} for ${argument} but received ${received}`);
}

export function requireFinite(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(argument, 'a finite number', value);
  if (!Number.isFinite(value)) throw wrongValue(argument, 'a finite number', String(value));
  return value;
}

export function requireFiniteOrNaN(argument: string, value: unknown): number {
  return Number.isNaN(value) ? NaN : requireFinite(argument, value);
}

export function requirePositive(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(argument, 'a positive finite number', value);
  if (!(value > 0 && Number.isFinite(value))) {
    throw wrongValue(argument, 'a positive finite number', String(value));
  }
  return value;
}

/** A number in [0, 1], or in [0, 1) where `below` is true. */
export function requireFraction(argument: string, value: unknown, below = false): number {
  const expected = below ? 'a number from 0 up to but not including 1' : 'a number from 0 to 1';
  if (typeof value !== 'number') throw wrongType(argument, expected, value);
  if (!(value >= 0 && (below ? value < 1 : value <= 1))) {
    throw wrongValue(argument, expected, String(value));
  }
  return value;
}

export function requireNonNegative(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(argument, 'a non-negative finite number', value);
  if (!(value >= 0 && Number.isFinite(value))) {
    throw wrongValue(argument, 'a non-negative finite number', String(value));
  }
  return value;
}

export function requireBoolean(argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(argument, 'a boolean', value);
  return value;
}

export function requirePositiveInteger(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(argument, 'a positive integer', value);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw wrongValue(argument, 'a positive integer', String(value));
  }
  return value;
}

/** The default of an option that is not given; null is no option. */
export function orDefault(value: unknown, fallback: unknown): unknown {
  return value === undefined ? fallback : value;
}

/** An options object; a missing one is empty. Unknown names are errors: a misspelt option would
 * otherwise be ignored. */
export function requireOptions(
  argument: string,
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(argument, 'an object', value);
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      throw new TypeError(
        `Expected the names ${names.join(', ')} in ${argument} but received ${JSON.stringify(name)}`,
      );
    }
  }
  return value as Readonly<Record<string, unknown>>;
}
