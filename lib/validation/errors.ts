import { definesName, enumerableNames, type ObjectName } from './plain-object.js';
import { escapeInvisible, quote, shorten } from './quote.js';
import { isDetached, lengthOf, typedArrayName } from './typed-array.js';

// Creates every error of the package, with a code and one wording for all bad arguments.

/** The codes of all errors, in the order of docs/reference/errors.md, which explains each. */
export const errorCodes = [
  'ERR_BATCHNORM_TYPE',
  'ERR_BATCHNORM_VALUE',
  'ERR_BATCHNORM_SHAPE',
  'ERR_BATCHNORM_OVERLAP',
  'ERR_BATCHNORM_UNKNOWN_OPTION',
  'ERR_BATCHNORM_TOO_MANY_ARGUMENTS',
  'ERR_BATCHNORM_ILLEGAL_CONSTRUCTOR',
  'ERR_BATCHNORM_MISSING_METHOD',
  'ERR_BATCHNORM_CAPTURE',
  'ERR_BATCHNORM_NOT_SERIALIZABLE',
  'ERR_BATCHNORM_TAPE',
  'ERR_BATCHNORM_DISPOSED',
  'ERR_BATCHNORM_DETACHED',
  'ERR_BATCHNORM_GRAPH_CONSUMED',
  'ERR_BATCHNORM_GRADIENTS_CONSUMED',
  'ERR_BATCHNORM_STALE_PARAMETER',
  'ERR_BATCHNORM_BUSY',
  'ERR_BATCHNORM_MISMATCH',
  'ERR_BATCHNORM_TIMEOUT',
  'ERR_BATCHNORM_PEER',
  'ERR_BATCHNORM_MPI',
  'ERR_BATCHNORM_QUEUE_FULL',
  'ERR_BATCHNORM_UNUSED_PARAMS',
  'ERR_BATCHNORM_FILE_FORMAT',
  'ERR_BATCHNORM_OUT_OF_MEMORY',
  'ERR_BATCHNORM_BACKEND',
  'ERR_BATCHNORM_USAGE',
  'ERR_BATCHNORM_INTERNAL',
] as const;

/** The `code` of an error that the package throws. */
export type ErrorCode = (typeof errorCodes)[number];

/** An error with a code, an own property as in Node's errors, which Node prints below the stack. */
export type CodedError<E extends Error = Error> = E & { readonly code: ErrorCode };

// Each function removes itself from the stack, so that the first line is the check that failed.
type Maker = (...args: never[]) => unknown;

/** Removes a function and what it called from the stack of an error, except in browsers that cannot do so. */
export function beginStackAbove(error: Error, maker: Maker): void {
  const { captureStackTrace } = Error as Partial<Pick<typeof Error, 'captureStackTrace'>>;
  captureStackTrace?.(error, maker);
}

function coded<E extends Error>(error: E, code: ErrorCode, maker: Maker): CodedError<E> {
  beginStackAbove(error, maker);
  return Object.assign(error, { code });
}

export function typeError(code: ErrorCode, message: string, options?: ErrorOptions): CodedError<TypeError> {
  return coded(new TypeError(message, options), code, typeError);
}

export function rangeError(code: ErrorCode, message: string, options?: ErrorOptions): CodedError<RangeError> {
  return coded(new RangeError(message, options), code, rangeError);
}

/**
 * An Error for problems that are neither the type nor the value of an argument.
 * @param maker The function that words the error, above which its stack begins.
 */
export function plainError(
  code: ErrorCode,
  message: string,
  options?: ErrorOptions,
  maker: Maker = plainError,
): CodedError {
  return coded(new Error(message, options), code, maker);
}

/** A TypeError for an argument of the wrong type. */
export function wrongType(argument: string, expected: string, received: unknown): CodedError<TypeError> {
  const message = `Expected ${expected} for ${argument} but received ${describeBeside(expected, received)}`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_TYPE', wrongType);
}

/** A RangeError for an argument of the right type with a value that is not allowed. */
export function wrongValue(
  argument: string,
  expected: string,
  received: string,
  options?: ErrorOptions,
): CodedError<RangeError> {
  const message = `Expected ${expected} for ${argument} but received ${received}`;
  return coded(new RangeError(message, options), 'ERR_BATCHNORM_VALUE', wrongValue);
}

/** A RangeError for a tensor or an array whose shape or length does not fit. */
export function wrongShape(argument: string, expected: string, received: string): CodedError<RangeError> {
  const message = `Expected ${expected} for ${argument} but received ${received}`;
  return coded(new RangeError(message), 'ERR_BATCHNORM_SHAPE', wrongShape);
}

/** A RangeError for an allocation that failed; the process keeps running. */
export function outOfMemory(purpose: string, bytes?: number, options?: ErrorOptions): CodedError<RangeError> {
  const message = `Out of memory for ${purpose}${bytes === undefined ? '' : ` (${bytes} bytes)`}`;
  return coded(new RangeError(message, options), 'ERR_BATCHNORM_OUT_OF_MEMORY', outOfMemory);
}

/**
 * A TypeError for values whose ArrayBuffer was transferred.
 * @param copy How to make a buffer that can be transferred instead.
 */
export function detached(name: string, copy = 'tensor.clone().data.buffer'): CodedError<TypeError> {
  const message = `Expected the values of ${name}, but its ArrayBuffer is detached: it was transferred to a worker or by structuredClone(). Transfer a copy instead: ${copy}`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_DETACHED', detached);
}

/** @throws TypeError for a typed array whose ArrayBuffer was transferred. */
export function requireAttached(argument: string, array: unknown): void {
  if (typedArrayName(array) === undefined || !isDetached(array as ArrayBufferView)) return;
  throw detached(argument, 'array.slice().buffer');
}

/** A TypeError for a module without a method that a call needs. */
export function missingMethod(method: string, module: string, why: string): CodedError<TypeError> {
  const message = `Expected ${method}() in ${module}${why}`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_MISSING_METHOD', missingMethod);
}

/**
 * The description of a received value. An object may have the expected name without being of the class:
 * `Expected a Tensor ... but received an object of type Tensor`; then the message explains why.
 */
function describeBeside(expected: string, received: unknown): string {
  const description = describe(received);
  const [, name] = /^an object of type ([A-Z]\w*)$/.exec(description) ?? [];
  if (name === undefined || name === 'Object' || !expected.split(/\W+/).includes(name)) return description;
  return `${description}, of another copy of batchnorm or behind a proxy`;
}

/** Describes a received value for a message: `"x" of type string`, `[2, 3] of type Array`. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  switch (typeof value) {
    case 'string':
      return `${quote(value, 40)} of type string`;
    case 'number':
    case 'boolean':
      return `${String(value)} of type ${typeof value}`;
    case 'bigint':
      return `${shorten(String(value))}n of type bigint`;
    case 'function':
      return `a function`;
    case 'symbol':
      return `a symbol`;
    default:
      return describeAny(value);
  }
}

/** Describes an object; proxies and getters may throw while it is inspected. */
function describeAny(value: object): string {
  try {
    return describeObject(value);
  } catch {
    return 'an object that cannot be inspected';
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an Array of length ${value.length}`;
  if (ArrayBuffer.isView(value)) {
    const name = constructorName(value);
    if (typedArrayName(value) === undefined) return name;
    return isDetached(value) ? `a detached ${name}` : `${name} of length ${lengthOf(value)}`;
  }
  return `an object of type ${constructorName(value)}`;
}

function constructorName(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return 'Object';
  const name: unknown = (prototype as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === 'string' && name !== '' ? shorten(escapeInvisible(name)) : 'Object';
}

/** A TypeError for a call with more than `max` arguments; `surplus` is the index of the first of them. */
export function tooManyArguments(
  name: string,
  max: number,
  given: ArrayLike<unknown>,
  surplus: number,
): CodedError<TypeError> {
  const taken = max === 0 ? 'no arguments' : `at most ${max} argument${max === 1 ? '' : 's'}`;
  const advice = isCallOfArrayMethod(given) ? '. As a callback, wrap it: (value) => f(value)' : '';
  const message = `Expected ${taken} for ${name}() but received argument ${surplus + 1}, ${describe(given[surplus])}${advice}`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_TOO_MANY_ARGUMENTS', tooManyArguments);
}

/** Whether the arguments look like those that `map` and similar methods pass: value, index, array. */
function isCallOfArrayMethod(given: ArrayLike<unknown>): boolean {
  const [value, index, array] = Array.from(given);
  return typeof index === 'number' && Array.isArray(array) && array[index] === value;
}

/** A TypeError for `new` on a class that only the package may instantiate. */
export function illegalConstructor(className: string, instead: string): CodedError<TypeError> {
  const message = `Expected ${instead} for a new ${className} but received a call of its constructor`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_ILLEGAL_CONSTRUCTOR', illegalConstructor);
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

/** Requires a number in [0, 1], or in [0, 1) if `below` is true. */
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

/** The default of an option that is undefined; null counts as a value, which the option's check refuses. */
export function orDefault(value: unknown, fallback: unknown): unknown {
  return value === undefined ? fallback : value;
}

/**
 * Requires an options object; a missing one counts as empty. Its enumerable names, own and inherited, must be
 * known: otherwise a misspelled option would be ignored, and so would the content of a map or of a promise
 * that was not awaited.
 *
 * @returns The options that are given, without what someone may have added to `Object.prototype`.
 * @throws TypeError for anything except a plain object or an instance of a class that has such names.
 */
export function requireOptions(
  argument: string,
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const given = Object.create(null) as Record<string, unknown>;
  if (value === undefined) return given;
  for (const { name } of requirePlain(argument, value, 'an object')) {
    if (typeof name === 'symbol' || !names.includes(name)) {
      throw unknownOption(argument, names, String(name));
    }
  }
  const options = value as Readonly<Record<string, unknown>>;
  for (const name of names) {
    if (definesName(options, name)) given[name] = options[name];
  }
  return given;
}

/**
 * Requires an object with names of the user's choice.
 * @param expected Continues "Expected", such as `an object with numbers`.
 * @throws TypeError for objects that `requireOptions` refuses, and for inherited names, which nothing would
 * read.
 */
export function requireRecord(
  argument: string,
  value: unknown,
  expected: string,
): Readonly<Record<string, unknown>> {
  for (const { name, inherited } of requirePlain(argument, value, expected)) {
    if (!inherited && typeof name === 'string') continue;
    const kind = inherited ? 'an inherited name' : 'a symbol as a name';
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      `Expected ${expected} for ${argument} but received ${kind}, ${quote(String(name), 40)}`,
    );
  }
  return value as Readonly<Record<string, unknown>>;
}

function requirePlain(argument: string, value: unknown, expected: string): readonly ObjectName[] {
  const found = enumerableNames(value);
  if (found !== undefined) return found;
  const isObject = typeof value === 'object' && value !== null;
  throw wrongType(argument, isObject ? expected.replace(/^an object/, 'a plain object') : expected, value);
}

/** A TypeError for an unknown name in an options object. */
export function unknownOption(
  argument: string,
  names: readonly string[],
  received: string,
): CodedError<TypeError> {
  const message = `Expected the names ${names.join(', ')} in ${argument} but received ${quote(received, 40)}`;
  return coded(new TypeError(message), 'ERR_BATCHNORM_UNKNOWN_OPTION', unknownOption);
}
