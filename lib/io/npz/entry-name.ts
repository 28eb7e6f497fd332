import { wrongType, wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';

/** A zip archive stores the length of a name in 16 bits. */
const maxBytes = 65_535;

/**
 * Rules for names that readers find again: zip writers turn backslashes into slashes, readers drop a path out
 * of the folder or the text after a NUL, and half of a surrogate pair has no bytes in UTF-8.
 */
const rules: readonly (readonly [expected: string, fits: (name: string) => boolean])[] = [
  ['a name', (name) => name !== ''],
  ['a name of whole Unicode characters', (name) => !/\p{Surrogate}/u.test(name)],
  ['a name without backslashes and NUL characters', (name) => !/[\\\0]/.test(name)],
  ['a relative name', (name) => !/^(?:[a-z]:|\/)/i.test(name)],
  ['a name without the part ".."', (name) => !name.split('/').includes('..')],
  ['a name that does not end with "/"', (name) => !name.endsWith('/')],
  [`a name of at most ${maxBytes} bytes`, (name) => Buffer.byteLength(name) <= maxBytes],
];

/**
 * Checks the name of an archive's entry.
 * @throws TypeError or RangeError if readers would not find it.
 */
export function readEntryName(name: unknown): string {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
  requireEntryName('name', name, name);
  return name;
}

/**
 * Checks a prefix of entry names.
 * @throws TypeError or RangeError if readers would not find those entries.
 */
export function requirePrefix(prefix: unknown): void {
  if (typeof prefix !== 'string') throw wrongType('prefix', 'a string', prefix);
  requireEntryName('prefix', `${prefix}x`, prefix);
}

function requireEntryName(argument: string, name: string, received: string): void {
  for (const [expected, fits] of rules) {
    if (!fits(name)) throw wrongValue(argument, expected, quote(received));
  }
}
