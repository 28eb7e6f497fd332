import { wrongType } from '../../validation/errors.js';
import { requirePrefix } from './entry-name.js';
import { NpzReader } from './npz-reader.js';
import { NpzWriter } from './npz-writer.js';

/** What `write` of a module is called with. @throws TypeError naming the argument that is wrong. */
export function requireWriter(zip: unknown, prefix: unknown): void {
  if (!(zip instanceof NpzWriter)) throw wrongType('zip', 'an NpzWriter', zip);
  requirePrefix(prefix);
}

/** What `read` of a module is called with. @throws TypeError naming the argument that is wrong. */
export function requireReader(zip: unknown, prefix: unknown): void {
  if (!(zip instanceof NpzReader)) throw wrongType('zip', 'an NpzReader', zip);
  requirePrefix(prefix);
}
