import type { Fail } from './float-collector.js';

// Files are read and written in chunks, because Node reads at most 2^31 - 1 bytes in one call (beyond that,
// Node 20 aborts the process and Node 24 throws), and because memory use must not grow with the file.

/**
 * Bytes of one chunk: small enough for any machine, large enough for the speed of the disk. A multiple of 8,
 * so that no number is split between two chunks.
 */
export const chunkBytes = 1024 * 1024;

/** The part of a `FileHandle` that reads. */
export interface ReadableFile {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
}

/** The part of a `FileHandle` that writes. */
export interface WritableFile {
  write(buffer: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
}

/**
 * Yields the bytes of a file in order. Every chunk except the last is full. All chunks share one buffer,
 * which the next chunk overwrites.
 * @param fail Called if the file ends too early.
 */
export async function* readChunks(
  file: ReadableFile,
  position: number,
  length: number,
  fail: Fail,
  size = chunkBytes,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(Math.min(size, length));
  for (let done = 0; done < length;) {
    const wanted = Math.min(buffer.length, length - done);
    await fill(file, buffer, wanted, position + done, fail);
    yield buffer.subarray(0, wanted);
    done += wanted;
  }
}

/** Reads `length` bytes into one buffer. */
export async function readExactly(
  file: ReadableFile,
  position: number,
  length: number,
  fail: Fail,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await fill(file, buffer, length, position, fail);
  return buffer;
}

async function fill(
  file: ReadableFile,
  buffer: Buffer,
  length: number,
  position: number,
  fail: Fail,
): Promise<void> {
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) fail(`${length} bytes at ${position}`, String(filled));
    filled += bytesRead;
  }
}

/**
 * The bytes of an array in chunks, without a copy. One view would not do: in Node 20 a Uint8Array holds at
 * most 4 GiB.
 */
export function* chunksOf(array: ArrayBufferView, size = chunkBytes): Generator<Uint8Array> {
  for (let done = 0; done < array.byteLength; done += size) {
    const length = Math.min(size, array.byteLength - done);
    yield new Uint8Array(array.buffer, array.byteOffset + done, length);
  }
}

/** Writes all bytes of an array at the file's current position. */
export async function writeChunks(
  file: WritableFile,
  array: ArrayBufferView,
  size = chunkBytes,
): Promise<void> {
  for (const chunk of chunksOf(array, size)) {
    for (let done = 0; done < chunk.length;) {
      done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
    }
  }
}
