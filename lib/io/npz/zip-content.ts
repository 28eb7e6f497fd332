import { inflate } from './inflate.js';

/** An entry of a zip archive. */
export interface ZipEntry {
  readonly fileNameRaw: Buffer;
  readonly uncompressedSize: number;
  readonly crc32: number;
  /** 0 for stored, 8 for deflated. */
  readonly compressionMethod: number;
  readonly isEncrypted: boolean;
  /** The content, decompressed. */
  open(): Promise<AsyncIterable<unknown>>;
}

/** A zip archive that is open for reading, with yauzl in a file, with `ZipContent` in memory. */
export interface ZipArchive {
  readonly entryCount: number;
  eachEntry(): AsyncIterable<ZipEntry> | Iterable<ZipEntry>;
  close(): void;
}

// The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
} as const;
const endBytes = 22;
const locatorBytes = 20;
const centralBytes = 46;
const localBytes = 30;
const maxCommentBytes = 0xffff;
/** In a field of 32 bits: the value is in the 64 bits of an extra field. */
const absent32 = 0xffffffff;
const zip64Extra = 1;

/** Damage of an archive in memory, which the reader of archives turns into a FileFormatError. */
class ZipDamage extends Error {}

/** Where the content of an entry is. */
interface Place {
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  /** Position of the local header. */
  readonly position: number;
}

/**
 * A zip archive in memory. yauzl, which reads the archives in files, needs Node.
 */
export class ZipContent implements ZipArchive {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #directory: number;
  readonly entryCount: number;

  /** @throws ZipDamage if the bytes are not a zip archive. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { count, directory } = this.#end();
    this.entryCount = count;
    this.#directory = directory;
  }

  close(): void {
    // Nothing is open.
  }

  *eachEntry(): Generator<ZipEntry> {
    const view = this.#view;
    let position = this.#directory;
    for (let i = 0; i < this.entryCount; i++) {
      this.#require(position, centralBytes, signatures.central, 'an entry of the central directory');
      const flags = view.getUint16(position + 8, true);
      const nameLength = view.getUint16(position + 28, true);
      const extraLength = view.getUint16(position + 30, true);
      const commentLength = view.getUint16(position + 32, true);
      const end = position + centralBytes + nameLength + extraLength + commentLength;
      if (end > view.byteLength) throw new ZipDamage('the central directory goes beyond the end');
      const extra = position + centralBytes + nameLength;
      const place = this.#place(position, extra, extraLength);
      const compressionMethod = view.getUint16(position + 10, true);
      yield {
        fileNameRaw: Buffer.from(this.#bytes.subarray(position + centralBytes, extra)),
        uncompressedSize: place.uncompressedSize,
        crc32: view.getUint32(position + 16, true),
        compressionMethod,
        isEncrypted: (flags & 1) !== 0,
        open: () => Promise.resolve(this.#content(place, compressionMethod)),
      };
      position = end;
    }
  }

  async *#content(place: Place, compressionMethod: number): AsyncGenerator<Buffer> {
    const { position, compressedSize, uncompressedSize } = place;
    this.#require(position, localBytes, signatures.local, 'a local header');
    const nameLength = this.#view.getUint16(position + 26, true);
    const extraLength = this.#view.getUint16(position + 28, true);
    const begin = position + localBytes + nameLength + extraLength;
    if (begin + compressedSize > this.#directory) {
      throw new ZipDamage('an entry goes beyond the central directory');
    }
    const stored = this.#bytes.subarray(begin, begin + compressedSize);
    let found = 0;
    for await (const part of compressionMethod === 8 ? inflate(stored) : [stored]) {
      found += part.length;
      // At once, so that a small file cannot fill the memory.
      if (found > uncompressedSize) throw new ZipDamage(`more than ${uncompressedSize} bytes`);
      yield Buffer.from(part.buffer, part.byteOffset, part.length);
    }
    if (found < uncompressedSize) throw new ZipDamage(`${found} bytes instead of ${uncompressedSize}`);
  }

  /** The number of entries and where their directory begins. */
  #end(): { count: number; directory: number } {
    const view = this.#view;
    const last = view.byteLength - endBytes;
    for (let at = last; at >= Math.max(0, last - maxCommentBytes); at--) {
      if (view.getUint32(at, true) !== signatures.end) continue;
      if (at + endBytes + view.getUint16(at + 20, true) !== view.byteLength) continue;
      const count = view.getUint16(at + 10, true);
      const directory = view.getUint32(at + 16, true);
      return count === 0xffff || directory === absent32
        ? this.#end64(at, count, directory)
        : { count, directory };
    }
    throw new ZipDamage('no end of a central directory');
  }

  /** The end of an archive of more than 4 GB or 65,534 entries, if there is one before the ordinary end. */
  #end64(end: number, count: number, directory: number): { count: number; directory: number } {
    const view = this.#view;
    const locator = end - locatorBytes;
    if (locator < 0 || view.getUint32(locator, true) !== signatures.locator64) return { count, directory };
    const at = this.#size(locator + 8);
    this.#require(at, 56, signatures.end64, 'the end of a large central directory');
    return { count: this.#size(at + 32), directory: this.#size(at + 48) };
  }

  /** The sizes and the position in an entry of the directory, whose extra fields begin at `extra`. */
  #place(entry: number, extra: number, extraLength: number): Place {
    const view = this.#view;
    const [uncompressed, compressed, local] = [24, 20, 42].map((at) => view.getUint32(entry + at, true));
    const placeOf = (uncompressedSize: number, compressedSize: number, position: number): Place => ({
      ...{ uncompressedSize, compressedSize, position },
    });
    if (![uncompressed, compressed, local].includes(absent32))
      return placeOf(uncompressed, compressed, local);
    for (let at = extra; at + 4 <= extra + extraLength; at += 4 + view.getUint16(at + 2, true)) {
      if (view.getUint16(at, true) !== zip64Extra) continue;
      let next = at + 4;
      const end = Math.min(next + view.getUint16(at + 2, true), extra + extraLength);
      const wide = (value: number) => {
        if (value !== absent32) return value;
        next += 8;
        if (next > end) throw new ZipDamage('a size of 64 bits is missing');
        return this.#size(next - 8);
      };
      return placeOf(wide(uncompressed), wide(compressed), wide(local));
    }
    return placeOf(uncompressed, compressed, local);
  }

  /** A number of 64 bits. */
  #size(position: number): number {
    const size = Number(this.#view.getBigUint64(position, true));
    if (!Number.isSafeInteger(size)) throw new ZipDamage('a size exceeds 2^53');
    return size;
  }

  #require(position: number, length: number, signature: number, what: string): void {
    const fits = position + length <= this.#view.byteLength;
    if (!fits || this.#view.getUint32(position, true) !== signature)
      throw new ZipDamage(`${what} is missing`);
  }
}
