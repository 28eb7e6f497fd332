import { requireRecord, wrongType, wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { callSync } from '../../validation/synchronous.js';

/**
 * New names of a file's tensors: an object with the new name for each name or prefix, or a function.
 *
 * A key that is empty or ends with a dot is a prefix, and its value replaces it. A whole name precedes
 * prefixes, and longer prefixes precede shorter ones. Names without a key stay as they are. Each key must
 * match a name of the file.
 *
 * The function returns the new name, or undefined for a tensor to leave out.
 */
export type Rename = Readonly<Record<string, string>> | ((name: string) => string | undefined);

/** The names in a file by their new names. */
export type Names = ReadonlyMap<string, string>;

/**
 * Checks the option `rename`.
 * @returns A function that renames the names of a file. It throws a RangeError if a key matches none of them
 * or if two get the same new name.
 */
export function readRename(rename: unknown): (names: readonly string[], file: string) => Names {
  if (rename === undefined) return (names) => new Map(names.map((name) => [name, name]));
  if (typeof rename === 'function') {
    const newName = (name: string) => callRename(rename as (name: string) => unknown, name);
    return (names) => renameEach(names, newName);
  }
  const table = readTable(rename);
  return (names, file) => {
    requireMatches(table, names, file);
    return renameEach(names, (name) => renamedBy(table, name));
  };
}

function callRename(rename: (name: string) => unknown, name: string): string | undefined {
  const result = callSync('rename()', () => rename(name));
  if (result === undefined || typeof result === 'string') return result;
  throw wrongType(`the result of rename() for ${quote(name)}`, 'a string or undefined', result);
}

/** The keys that are prefixes are sorted by length, longest first. */
interface Table {
  readonly names: ReadonlyMap<string, string>;
  readonly prefixes: readonly (readonly [prefix: string, replacement: string])[];
}

function readTable(rename: unknown): Table {
  const expected = 'an object with names, or a function,';
  const names = new Map<string, string>();
  const prefixes: [string, string][] = [];
  for (const [key, value] of Object.entries(requireRecord('rename', rename, expected))) {
    if (typeof value !== 'string') throw wrongType(`${quote(key)} of rename`, 'a string', value);
    if (key === '' || key.endsWith('.')) prefixes.push([key, value]);
    else names.set(key, value);
  }
  return { names, prefixes: prefixes.sort(([a], [b]) => b.length - a.length) };
}

function renamedBy({ names, prefixes }: Table, name: string): string {
  const whole = names.get(name);
  if (whole !== undefined) return whole;
  const found = prefixes.find(([prefix]) => name.startsWith(prefix));
  return found === undefined ? name : found[1] + name.slice(found[0].length);
}

function requireMatches({ names, prefixes }: Table, present: readonly string[], file: string): void {
  const all = new Set(present);
  const unmatched =
    [...names.keys()].find((name) => !all.has(name)) ??
    prefixes.find(([prefix]) => !present.some((name) => name.startsWith(prefix)))?.[0];
  if (unmatched === undefined) return;
  throw wrongValue('rename', `names or prefixes of ${file}`, `${quote(unmatched)}, which matches none`);
}

function renameEach(names: readonly string[], newName: (name: string) => string | undefined): Names {
  const renamed = new Map<string, string>();
  for (const name of names) {
    const to = newName(name);
    if (to === undefined) continue;
    const before = renamed.get(to);
    if (before !== undefined) {
      const found = `${quote(to)} for both ${quote(before)} and ${quote(name)}`;
      throw wrongValue('rename', 'a different new name for each tensor', found);
    }
    renamed.set(to, name);
  }
  return renamed;
}
