import { basename } from 'node:path';
import { readChunks } from '../io/files/chunks.js';
import { decodeFloat8 } from '../io/files/decode-float8.js';
import { decodeNumbers, viewFloat32 } from '../io/files/decode-numbers.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { fileKind, wrongKind } from '../io/files/file-kind.js';
import type { NumberType } from '../io/files/number-type.js';
import { type OpenFile, openFile } from '../io/files/open-file.js';
import type { Fail, NpyLayout } from '../io/npz/npy-header.js';
import { NpyScanner, type NpyVisitor } from '../io/npz/npy-scanner.js';
import { NpzReader } from '../io/npz/npz-reader.js';
import { readHeader } from '../io/safetensors/read-header.js';
import type { Entry } from '../io/safetensors/safetensors-format.js';
import { safetensorsNumberType } from '../io/safetensors/values.js';
import { StatisticsCollector } from './array-statistics.js';
import type { Contents } from './contents.js';
import type { InspectedArray } from './inspected-array.js';
import { readOnnx } from './read-onnx.js';

const wanted = 'an .npz, .npy, safetensors or ONNX file';

/**
 * Reads the arrays of a file of any of these formats, which its first bytes identify. An unreadable array
 * does not hide the others. Values are read in pieces.
 * @throws FileFormatError for a file of another kind, or one whose directory is damaged.
 */
export async function readArrays(file: string): Promise<Contents> {
  const opened = await openFile(file, wanted);
  try {
    const kind = fileKind(opened.head);
    if (kind === 'npz') return await readNpz(file);
    if (kind === 'npy') return await readNpy(file, opened);
    if (kind === 'safetensors') return await readSafetensors(file, opened);
    // Protocol buffers have no signature, so the name of the file counts, too.
    if (kind === 'onnx' || (kind === undefined && file.endsWith('.onnx'))) return await readOnnx(file);
    throw wrongKind(file, 'npz', wanted, opened.head);
  } finally {
    await opened.handle.close();
  }
}

async function readNpz(file: string): Promise<Contents> {
  const zip = await NpzReader.open(file);
  try {
    const names = zip.names.filter((name) => name.endsWith('.npy'));
    const others = zip.names.filter((name) => !name.endsWith('.npy'));
    const read = (name: string) => scanned(name, (visitor) => zip.scan(name, visitor));
    const arrays = names.map((name) => [name, () => read(name)] as const);
    return { format: 'npz', others, ...(await readAll(arrays)) };
  } finally {
    zip.close();
  }
}

/** The array is named after its file. */
async function readNpy(file: string, { handle, size }: OpenFile): Promise<Contents> {
  const fail: Fail = (expected, found) => {
    throw new FileFormatError(file, expected, found);
  };
  const array = await scanned(basename(file), async (visitor) => {
    const scanner = new NpyScanner(visitor, size, fail);
    for await (const piece of readChunks(handle, 0, size, fail)) scanner.push(piece);
    scanner.end();
  });
  return { format: 'npy', arrays: [array], others: [], unreadable: [] };
}

async function readSafetensors(file: string, opened: OpenFile): Promise<Contents> {
  const { entries, dataOffset } = await readHeader(file, opened, (expected, found, tensor) => {
    throw new FileFormatError(file, expected, found, tensor);
  });
  const read = async (name: string, entry: Entry): Promise<InspectedArray> => {
    const { dtype, shape, begin, end } = entry;
    const type = safetensorsNumberType(dtype);
    const decode = (bytes: Buffer) =>
      type === undefined ? decodeFloat8(bytes, dtype) : numbersIn(bytes, type);
    const described = { name, type: type?.name ?? dtype, shape, loadable: type !== undefined };
    if (decode(Buffer.alloc(0)) === undefined) return described;
    const collector = new StatisticsCollector();
    const fail: Fail = (expected, found) => {
      throw new FileFormatError(file, expected, found, name);
    };
    for await (const bytes of readChunks(opened.handle, dataOffset + begin, end - begin, fail)) {
      collector.add(decode(bytes) ?? new Float32Array());
    }
    return { ...described, statistics: collector.result() };
  };
  const arrays = [...entries].map(([name, entry]) => [name, () => read(name, entry)] as const);
  return { format: 'safetensors', others: [], ...(await readAll(arrays)) };
}

async function readAll(
  entries: readonly (readonly [name: string, read: () => Promise<InspectedArray>])[],
): Promise<Pick<Contents, 'arrays' | 'unreadable'>> {
  const arrays: InspectedArray[] = [];
  const unreadable: { name: string; message: string }[] = [];
  for (const [name, read] of entries) {
    try {
      arrays.push(await read());
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error;
      unreadable.push({ name, message: error.message });
    }
  }
  return { arrays, unreadable };
}

async function scanned(name: string, scan: (visitor: NpyVisitor) => Promise<void>): Promise<InspectedArray> {
  let layout: NpyLayout | undefined;
  let type: NumberType | undefined;
  const collector = new StatisticsCollector();
  await scan({
    begin: (...found) => ([layout, type] = found),
    values: (bytes, type) => collector.add(numbersIn(bytes, type)),
  });
  const { descr, shape } = layout as unknown as NpyLayout;
  if (type === undefined) return { name, type: descr, shape, loadable: false };
  return { name, type: type.name, shape, loadable: true, statistics: collector.result() };
}

/** The values, valid until the next piece of the file is read. */
function numbersIn(bytes: Uint8Array, type: NumberType): Float32Array | Float64Array {
  return viewFloat32(bytes, type) ?? decodeNumbers(bytes, type);
}
