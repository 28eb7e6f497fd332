import { backward, BatchNorm2D, Tensor } from 'batchnorm';
import { detached } from '../../support/errors.js';

/** A value that is invalid for some parameters, created again for each call. */
export interface Junk {
  readonly name: string;
  readonly make: () => unknown;
}

const same = (name: string, value: unknown): Junk => ({ name, make: () => value });

/** Values of every kind in JavaScript. */
export const primitives: readonly Junk[] = [
  same('undefined', undefined),
  same('null', null),
  same('true', true),
  same('0', 0),
  same('-0', -0),
  same('-1', -1),
  same('0.5', 0.5),
  same('7', 7),
  same('2^40', 2 ** 40),
  same('2^53', 2 ** 53),
  same('1e300', 1e300),
  same('NaN', NaN),
  same('Infinity', Infinity),
  same('-Infinity', -Infinity),
  same('a bigint', 3n),
  same('an empty string', ''),
  same('a number as string', '3'),
  same('a string with NUL', 'a\0b'),
  same('a long string', 'x'.repeat(1000)),
  same('a symbol', Symbol('s')),
  same('a symbol without a name', Symbol()),
];

export const objects: readonly Junk[] = [
  { name: 'a function', make: () => () => undefined },
  { name: 'a function that returns a string', make: () => () => 'x' },
  { name: '{}', make: () => ({}) },
  { name: 'an object without prototype', make: () => Object.create(null) as object },
  { name: 'an object with a wrong name', make: () => ({ wrong: 1 }) },
  { name: 'an object like a tensor', make: () => ({ shape: [2, 3], id: 0, data: new Float32Array(6) }) },
  { name: 'an object that inherits from a tensor', make: () => Object.create(Tensor.zeros([2])) as object },
  { name: 'an object like an array', make: () => ({ length: 2, 0: 1, 1: 2 }) },
  { name: 'an object of functions that return nothing', make: functionsOnly },
  { name: 'an object of functions that return a number', make: () => functionsThatGive(5) },
  { name: 'an object of functions that return null', make: () => functionsThatGive(null) },
  { name: '[]', make: () => [] },
  { name: '[1]', make: () => [1] },
  { name: '[-1, 2]', make: () => [-1, 2] },
  { name: '[2^33, 2^33]', make: () => [2 ** 33, 2 ** 33] },
  { name: 'an array of ten thousand ones', make: () => new Array<number>(10_000).fill(1) },
  { name: "['a', 'b']", make: () => ['a', 'b'] },
  { name: '[undefined, null]', make: () => [undefined, null] },
  { name: '[Symbol()]', make: () => [Symbol('s')] },
  { name: 'a sparse array', make: () => new Array<number>(3) },
  { name: 'an array of arrays', make: () => [[1, 2], [3]] },
  { name: 'an array that contains itself', make: cyclic },
  { name: 'a Date', make: () => new Date(0) },
  { name: 'a Map', make: () => new Map([['a', 1]]) },
  { name: 'a Set', make: () => new Set([1]) },
  { name: 'a RegExp', make: () => /x/ },
  { name: 'an Error', make: () => new Error('x') },
  { name: 'a Promise', make: () => Promise.resolve(1) },
  { name: 'a generator', make: generated },
  { name: 'a boxed number', make: () => Object(3) as object },
  { name: 'a boxed string', make: () => Object('3') as object },
  { name: 'a web URL', make: () => new URL('https://example.org/a.npz') },
  { name: 'an ArrayBuffer', make: () => new ArrayBuffer(24) },
  { name: 'a DataView', make: () => new DataView(new ArrayBuffer(24)) },
  { name: 'an empty Float32Array', make: () => new Float32Array(0) },
  { name: 'a Float32Array', make: () => new Float32Array(5) },
  { name: 'a detached Float32Array', make: () => detached(6) },
  { name: 'a Float32Array of shared memory', make: () => new Float32Array(new SharedArrayBuffer(24)) },
  { name: 'a Float64Array', make: () => new Float64Array(6) },
  { name: 'an Int32Array', make: () => Int32Array.of(-1, 2) },
  { name: 'a Uint8Array', make: () => Uint8Array.of(250, 1) },
  { name: 'a BigInt64Array', make: () => new BigInt64Array(2) },
  { name: 'a scalar', make: () => Tensor.from([1], []) },
  { name: 'a tensor without values', make: () => Tensor.zeros([0, 3]) },
  { name: 'a vector', make: () => Tensor.ones([5]) },
  { name: 'a tensor of rank 5', make: () => Tensor.ones([1, 2, 1, 2, 1]) },
  { name: 'a taped tensor', make: () => Tensor.ones([2, 3]).trace() },
  { name: 'a disposed tensor', make: disposed },
  { name: 'a tensor of a consumed graph', make: consumed },
  { name: 'a layer', make: () => new BatchNorm2D(3) },
];

const methodNames = [
  'forward',
  'forwardMut',
  'parameters',
  'update',
  'resetParams',
  'clone',
  'write',
  'read',
  'gradient',
  'step',
  'fits',
];

function functionsOnly(): object {
  return functionsThatGive(undefined);
}

function functionsThatGive(value: unknown): object {
  return Object.fromEntries(methodNames.map((name) => [name, () => value]));
}

function cyclic(): unknown[] {
  const array: unknown[] = [];
  array.push(array);
  return array;
}

function* generated(): Generator<number> {
  yield 1;
}

function disposed(): Tensor<readonly [2, 3]> {
  const tensor = Tensor.ones([2, 3]);
  tensor.dispose();
  return tensor;
}

function consumed(): unknown {
  const y = Tensor.ones([2, 3]).trace().square();
  backward(y.sum());
  return y;
}

/** All junk values, also in place of each part of a valid value if `depth` allows. */
export function junkFor(valid: unknown): readonly Junk[] {
  return [...primitives, ...objects, ...partsOf(valid)];
}

const partJunk = [...primitives, ...objects.filter((_, i) => i % 6 === 0)];

/** A valid array or plain object with one part invalid or missing. */
function partsOf(valid: unknown): readonly Junk[] {
  if (Array.isArray(valid)) {
    return valid.flatMap((_, i) =>
      partJunk.map(({ name, make }) => ({
        name: `${name} at [${i}]`,
        make: () => valid.map((each: unknown, j) => (i === j ? make() : each)),
      })),
    );
  }
  if (!isPlain(valid)) return [];
  return Object.keys(valid).flatMap((key) => [
    ...partJunk.map(({ name, make }) => ({
      name: `${name} at .${key}`,
      make: () => ({ ...valid, [key]: make() }),
    })),
  ]);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
