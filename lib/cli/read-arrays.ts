import { FileFormatError } from '../files/file-format-error.js';
import { floatType, type NpyLayout } from '../npz/npy-header.js';
import { NpzReader } from '../npz/npz-reader.js';
import { StatisticsCollector } from './array-statistics.js';
import type { InspectedArray } from './suspicious.js';

/** What is in a file. */
export interface Contents {
  readonly arrays: readonly InspectedArray[];
  /** Entries that are no arrays by their names. */
  readonly others: readonly string[];
  readonly unreadable: readonly { readonly name: string; readonly message: string }[];
}

/** Reads what can be read: an array that cannot does not hide the others. */
export async function readArrays(file: string): Promise<Contents> {
  const arrays: InspectedArray[] = [];
  const unreadable: { name: string; message: string }[] = [];
  const zip = await NpzReader.open(file);
  const names = zip.names.filter((name) => name.endsWith('.npy'));
  try {
    for (const name of names) {
      try {
        arrays.push(await readArray(zip, name));
      } catch (error) {
        if (!(error instanceof FileFormatError)) throw error;
        unreadable.push({ name, message: error.message });
      }
    }
  } finally {
    zip.close();
  }
  return { arrays, unreadable, others: zip.names.filter((name) => !names.includes(name)) };
}

async function readArray(zip: NpzReader, name: string): Promise<InspectedArray> {
  let layout: NpyLayout | undefined;
  const collector = new StatisticsCollector();
  await zip.scan(name, {
    begin: (found) => (layout = found),
    values: (values) => collector.add(values),
  });
  const { descr, shape } = layout as unknown as NpyLayout;
  const statistics = floatType(descr) === undefined ? {} : { statistics: collector.result() };
  return { name, type: typeName(descr), shape, ...statistics };
}

/** `float32` for `'<f4'`, where it is one of the common types. */
function typeName(descr: string): string {
  const [, kind, size] = /^['"][<>|=]([biuf])(\d)['"]$/.exec(descr) ?? [];
  if (kind === undefined) return descr;
  const kinds: Record<string, string> = { b: 'bool', i: 'int', u: 'uint', f: 'float' };
  return kind === 'b' ? 'bool' : `${kinds[kind]}${8 * Number(size)}`;
}
