import { wrongType } from '../../validation/errors.js';
import { isFloat32Array, isFloat64Array, lengthOf } from '../../validation/typed-array.js';
import type { Operations } from '../operations.js';
import { type ArrayParameter, type Factor, type Parameter, parseSignature } from '../parse-signature.js';
import { signatures } from '../signatures.js';

type Name = keyof Operations;
type AnyOperation = (...values: unknown[]) => unknown;

/** Wraps the operations in the argument checks of the native binding, with the same messages. */
export function checked(operations: Operations): Operations {
  const names = Object.keys(signatures) as Name[];
  return Object.fromEntries(names.map((name) => [name, checkedOperation(name, operations[name])])) as never;
}

/** As `checked`, for one operation. */
export function checkedOperation<N extends Name>(name: N, operation: Operations[N]): Operations[N] {
  const readers = argumentReaders(name);
  const check: AnyOperation = (...values) => {
    for (let i = 0; i < readers.length; i++) readers[i](values[i], values);
    return (operation as AnyOperation)(...values);
  };
  return check as Operations[N];
}

/**
 * Returns how many values of an array the operation uses: 0 for null and for other arguments. The arguments before it
 * have been checked.
 * @throws TypeError if the argument is wrong.
 */
type Reader = (value: unknown, values: readonly unknown[]) => number;

/** The checks of an operation's arguments, in their order. */
export function argumentReaders(name: Name): readonly Reader[] {
  const { parameters } = parseSignature(signatures[name]);
  return parameters.map((parameter) => readerOf(parameter, parameters));
}

function readerOf(parameter: Parameter, all: readonly Parameter[]): Reader {
  const { name, kind } = parameter;
  if (kind === 'array') return arrayReader(parameter, all);
  if (kind === 'size') {
    return (value) => {
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2 ** 48) {
        throw wrongType(name, 'a whole number below 2^48', value);
      }
      return 0;
    };
  }
  return (value) => {
    if (typeof value !== kind) throw wrongType(name, `a ${kind}`, value);
    return 0;
  };
}

function arrayReader(parameter: ArrayParameter, all: readonly Parameter[]): Reader {
  const { name, nullable, double, condition } = parameter;
  const place = (other: string): number => all.findIndex((each) => each.name === other);
  const factors = parameter.length.map((factor) => factorReader(factor, place));
  const given = condition === undefined ? -1 : place(condition);
  const isArray = double ? isFloat64Array : isFloat32Array;
  return (value, values) => {
    if (given >= 0 && values[given] === false) return 0;
    if (nullable && value === null) return 0;
    let needed = 1;
    for (const factor of factors) needed *= factor(values);
    if (!isArray(value) || lengthOf(value) < needed) {
      throw wrongType(
        name,
        `a ${double ? 'Float64Array' : 'Float32Array'} of at least ${needed} values`,
        value,
      );
    }
    return needed;
  };
}

function factorReader(
  factor: Factor,
  place: (name: string) => number,
): (values: readonly unknown[]) => number {
  if (typeof factor === 'number') return () => factor;
  const index = place(factor);
  return (values) => values[index] as number;
}
