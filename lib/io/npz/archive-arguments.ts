import { wrongType } from '../../validation/errors.js';
import { requirePrefix } from './entry-name.js';
import { NpzReader } from './npz-reader.js';
import { NpzWriter } from './npz-writer.js';

/**
 * Checks the arguments of a module's `write`.
 * @throws TypeError naming the wrong argument.
 */
export function requireWriter(zip: unknown, prefix: unknown): void {
  if (!(zip instanceof NpzWriter)) throw wrongType('zip', 'an NpzWriter', zip);
  requirePrefix(prefix);
}

/**
 * Checks the arguments of a module's `read`.
 * @throws TypeError naming the wrong argument.
 */
export function requireReader(zip: unknown, prefix: unknown): void {
  if (!(zip instanceof NpzReader)) throw wrongType('zip', 'an NpzReader', zip);
  requirePrefix(prefix);
}
