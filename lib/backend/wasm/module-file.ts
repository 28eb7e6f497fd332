import { plainError } from '../../validation/errors.js';

// https://webassembly.github.io/spec/core/binary/modules.html

const sectionIds = { import: 2 } as const;
const headerBytes = 8;
const kinds = { function: 0, table: 1, memory: 2, global: 3 } as const;
const limitFlags = { maximum: 1, shared: 2 } as const;

/** The memory that a module imports, in pages of 64 KiB. */
export interface MemoryImport {
  readonly minimum: number;
  readonly maximum: number;
  /** Where the flags of these limits are in the file. */
  readonly flagsAt: number;
}

/**
 * Finds the import of the memory in a module's file.
 * @throws Error if there is none that has a maximum, or if the file is damaged.
 */
export function memoryImport(bytes: Uint8Array): MemoryImport {
  const reader = new Reader(bytes, headerBytes);
  while (!reader.atEnd) {
    const id = reader.byte();
    const size = reader.number();
    if (id === sectionIds.import) return inImports(reader);
    reader.skip(size);
  }
  throw damaged('no imports');
}

function inImports(reader: Reader): MemoryImport {
  for (let count = reader.number(); count > 0; count--) {
    reader.skip(reader.number()); // name of the module
    reader.skip(reader.number()); // name of the import
    const kind = reader.byte();
    if (kind === kinds.memory) {
      const flagsAt = reader.position;
      const flags = reader.byte();
      if ((flags & ~limitFlags.shared) !== limitFlags.maximum) throw damaged(`limits of kind ${flags}`);
      return { flagsAt, minimum: reader.number(), maximum: reader.number() };
    }
    if (kind === kinds.function) reader.number();
    else if (kind === kinds.global) reader.skip(2);
    else throw damaged(`an import of kind ${kind}`);
  }
  throw damaged('no import of a memory');
}

/**
 * The module, importing memory that is shared between threads or is not. The same instructions are valid for both, but an
 * engine accepts only the kind of memory that one bit of the file names.
 */
export function withSharedMemory(bytes: Uint8Array, shared: boolean): Uint8Array {
  const { flagsAt } = memoryImport(bytes);
  const changed = new Uint8Array(bytes);
  if (shared) changed[flagsAt] |= limitFlags.shared;
  else changed[flagsAt] &= ~limitFlags.shared;
  return changed;
}

class Reader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  get atEnd(): boolean {
    return this.position >= this.#bytes.length;
  }

  byte(): number {
    if (this.atEnd) throw damaged('its end is missing');
    return this.#bytes[this.position++];
  }

  /** An unsigned LEB128 of at most 32 bits. */
  number(): number {
    let number = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.byte();
      number += (byte & 127) * factor;
      if (byte < 128) return number;
    }
    throw damaged('a number of more than 32 bits');
  }

  skip(count: number): void {
    this.position += count;
  }
}

function damaged(problem: string): Error {
  return plainError('ERR_BATCHNORM_BACKEND', `Expected a module that imports its memory: ${problem}`);
}
