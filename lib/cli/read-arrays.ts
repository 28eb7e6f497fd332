import { FileFormatError } from '../files/file-format-error.js';
import { decodeNumbers } from '../files/decode-numbers.js';
import type { NumberType } from '../files/number-type.js';
import type { NpyLayout } from '../npz/npy-header.js';
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
  let type: NumberType | undefined;
  const collector = new StatisticsCollector();
  await zip.scan(name, {
    begin: (...found) => ([layout, type] = found),
    values: (bytes, type) => collector.add(decodeNumbers(bytes, type)),
  });
  const { descr, shape } = layout as unknown as NpyLayout;
  if (type === undefined) return { name, type: descr, shape };
  return { name, type: type.name, shape, statistics: collector.result() };
}
