import type { NumberLimits, NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { missingMethod } from '../validation/errors.js';
import { readPart, writePart } from './compose/part.js';
import { layerType } from './layer-description.js';
import { distinctTensors, type HasMembers, membersOf, npzName, npzPrefix } from './members.js';
import { readParameters } from '../module/module.js';
import { overrides } from './overriding.js';

/** Name of the method that lists the numbers that a module stores in an `.npz` file beside its tensors. */
export const storedNumbers: unique symbol = Symbol('storedNumbers');

/** A number of a module in an `.npz` file, such as `epsilon` in `epsilon.npy`. Files of dfdx have none. */
export interface StoredNumber extends NumberLimits {
  readonly name: string;
  /** The present value. */
  readonly value: number;
  /** Whether the number is written now. Default true. */
  readonly written?: boolean;
  /** Sets the value that was read; undefined if only other layers use the number and this one ignores it. */
  readonly set: ((value: number) => void) | undefined;
}

/** Writes the tensors, the layers and the numbers of a module. */
export function writeMembers(
  module: HasMembers,
  numbers: readonly StoredNumber[],
  zip: NpzWriter,
  prefix: string,
): void {
  requireInFields(module, 'write');
  for (const { key, tensor, value } of module[membersOf]()) {
    if (tensor === undefined) writePart(module, key, value, zip, `${prefix}${module[npzPrefix](key)}`);
    else zip.tensor(`${prefix}${module[npzName](key)}.npy`, tensor);
  }
  for (const { name, value, written = true } of numbers) {
    if (written) zip.number(`${prefix}${name}.npy`, value);
  }
}

/** Reads the entries of `writeMembers`. */
export async function readMembers(
  module: HasMembers,
  numbers: readonly StoredNumber[],
  zip: NpzReader,
  prefix: string,
): Promise<void> {
  requireInFields(module, 'read');
  for (const { key, tensor, value } of module[membersOf]()) {
    if (tensor === undefined) await readPart(module, key, value, zip, `${prefix}${module[npzPrefix](key)}`);
    else await zip.tensor(`${prefix}${module[npzName](key)}.npy`, tensor);
  }
  for (const number of numbers) {
    const { value: before, set } = number;
    const name = `${prefix}${number.name}.npy`;
    if (set === undefined) zip.ignore(name);
    else if (zip.has(name)) zip.replace(() => before, set, await zip.number(name, number));
  }
}

/**
 * @throws TypeError if `parameters()` is overridden and lists a tensor that is not in a field; functions that
 * walk the fields would miss it.
 */
export function requireInFields(module: HasMembers, method: string): void {
  if (!overrides(module, 'parameters')) return;
  const inFields = module[membersOf]().flatMap(({ tensor, value }) =>
    tensor === undefined ? distinctTensors(value) : [tensor],
  );
  const known = new Set(inFields.map(({ id }) => id));
  const listed = readParameters(layerType(module), module);
  const hidden = listed.find(([, { id }]) => !known.has(id));
  if (hidden === undefined) return;
  throw missingMethod(
    method,
    layerType(module),
    `, whose tensor ${hidden[0]} is in no field, but it is inherited`,
  );
}
