import { dirname, join } from 'node:path';
import { readExactly } from '../files/chunks.js';
import { FileFormatError } from '../files/file-format-error.js';
import { wrongKind } from '../files/file-kind.js';
import { type CheckedSource, nameOf } from '../files/file-source.js';
import { type OpenSource, openSource } from '../files/open-source.js';
import { quote } from '../../validation/quote.js';
import { duplicateName } from './duplicate-name.js';
import { readHeader, wantedFile } from './read-header.js';
import type { Entry } from './safetensors-format.js';

/** A tensor in a file that is open for reading. */
export interface StoredTensor {
  /** Path of the file, or the name of its content. */
  readonly file: string;
  /** Its name there. */
  readonly name: string;
  readonly entry: Entry;
  readonly handle: OpenSource['handle'];
  /** Byte offset of the values in the file. */
  readonly begin: number;
}

/** The tensors of a safetensors file, or of the files that an index (`*.safetensors.index.json`) lists. */
export class TensorFiles {
  readonly tensors = new Map<string, StoredTensor>();
  readonly #handles: OpenSource['handle'][] = [];

  /**
   * Opens a file or an index and its files.
   * @throws FileFormatError for another kind of file, for damage and for a tensor that the index lists but
   * its file lacks; errors of the operating system and of
   * downloads.
   */
  static async open(source: CheckedSource): Promise<TensorFiles> {
    const path = nameOf(source);
    const files = new TensorFiles();
    try {
      const opened = await openSource(source, wantedFile);
      files.#handles.push(opened.handle);
      if (isJson(opened.head)) {
        const shards = await readIndex(path, opened);
        // Content has no folder in which the other files could be.
        if (typeof source !== 'string') throw new FileFormatError(path, wantedFile, 'an index of such files');
        await files.#addShards(path, shards);
      } else await files.#add(path, opened);
      return files;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.close()));
  }

  /** Adds the tensors of a file: all of them, or those that an index lists. */
  async #add(file: string, opened: OpenSource, wanted?: readonly string[], index?: string): Promise<void> {
    const { entries, dataOffset } = await readHeader(file, opened, failIn(file));
    for (const name of wanted ?? entries.keys()) {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new FileFormatError(file, `the tensor that ${index ?? file} lists`, 'none of this name', name);
      }
      const begin = dataOffset + entry.begin;
      this.tensors.set(name, { file, name, entry, handle: opened.handle, begin });
    }
  }

  async #addShards(index: string, shards: ReadonlyMap<string, readonly string[]>): Promise<void> {
    for (const [shard, names] of shards) {
      const file = join(dirname(index), shard);
      const opened = await openSource(file, wantedFile);
      this.#handles.push(opened.handle);
      await this.#add(file, opened, names, index);
    }
  }
}

/** Throws the error of a fault in a file. */
export function failIn(file: string, name?: string) {
  return (expected: string, found: string, tensor = name): never => {
    throw new FileFormatError(file, expected, found, tensor);
  };
}

/** A safetensors file begins with the length of its header, whose high bytes are 0. */
function isJson(head: Buffer): boolean {
  return /^\s*\{/.test(head.toString('latin1')) && !head.subarray(0, 8).includes(0);
}

/** Parsed JSON takes many times its length. Indices of the largest published models have 5 MB. */
const maxIndexBytes = 16 * 1024 * 1024;

/** Returns the names of the tensors by the file that holds them. */
async function readIndex(path: string, { handle, size, head }: OpenSource): Promise<Map<string, string[]>> {
  const fail = failIn(path);
  if (size > maxIndexBytes) fail(`an index of at most ${maxIndexBytes} bytes`, String(size));
  const text = (await readExactly(handle, 0, size, fail)).toString('utf8');
  const map = weightMap(text);
  if (map === undefined) throw wrongKind(path, 'safetensors', wantedFile, head);
  const duplicate = duplicateName(text);
  if (duplicate !== undefined) fail('different names in the index', `${quote(duplicate)} twice`);
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || !isFileName(shard)) {
      return fail('the name of a file in the same folder', JSON.stringify(shard).slice(0, 80), name);
    }
    const names = shards.get(shard);
    if (names === undefined) shards.set(shard, [name]);
    else names.push(name);
  }
  return shards;
}

function weightMap(text: string): object | undefined {
  try {
    const { weight_map: map } = JSON.parse(text) as Record<string, unknown>;
    return typeof map === 'object' && map !== null && !Array.isArray(map) ? map : undefined;
  } catch {
    return undefined;
  }
}

/** An index from elsewhere must not make a program read files outside its folder. */
function isFileName(name: string): boolean {
  return /^[^/\\:\0]+$/.test(name) && name !== '.' && name !== '..';
}
