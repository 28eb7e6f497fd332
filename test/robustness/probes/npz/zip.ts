import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

// Writes archives field by field, so that every field can be wrong, and reads them strictly, without code of the
// library: zip as in APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16.

export interface ZipEntry {
  readonly name: string;
  readonly bytes: Buffer;
  readonly deflated: boolean;
  /** The stored data, if it differs from `bytes`. */
  readonly packed?: Buffer;
  /** Header fields that differ from the true values. */
  readonly lies?: {
    readonly size?: number;
    readonly packedSize?: number;
    readonly crc?: number;
    readonly method?: number;
    readonly flags?: number;
  };
}

export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, deflated, lies = {}, ...other } of entries) {
    const packed = other.packed ?? (deflated ? deflateRawSync(bytes) : bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(lies.flags ?? 0, 2);
    common.writeUInt16LE(lies.method ?? (deflated ? 8 : 0), 4);
    common.writeUInt32LE((lies.crc ?? crc32(bytes)) >>> 0, 10);
    common.writeUInt32LE(lies.packedSize ?? packed.length, 14);
    common.writeUInt32LE(lies.size ?? bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(signature(1, 2), Buffer.from([20, 0]), common, place, Buffer.from(name));
    const local = [signature(3, 4), common, Buffer.from(name), packed];
    parts.push(...local);
    for (const { length } of local) offset += length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 4);
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, signature(5, 6), end]);
}

const megabyte = deflateRawSync(Buffer.alloc(1 << 20), { finishFlush: constants.Z_FULL_FLUSH });
const last = deflateRawSync(Buffer.alloc(0));

/** Deflated data of these bytes followed by megabytes of zeros, at a kilobyte each, without inflating them. */
export function deflatedBomb(bytes: Buffer, megabytes: number): Buffer {
  const begin = deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([begin, ...Array.from({ length: megabytes }, () => megabyte), last]);
}

export function signature(third: number, fourth: number): Buffer {
  return Buffer.from([0x50, 0x4b, third, fourth]);
}

/** The content of the only entry with this name; throws if anything is ambiguous. */
export function readEntry(zip: Buffer, name: string): Buffer {
  const end = findEnd(zip);
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) throw new Error('zip64 is not supported here');
  let found: Buffer | undefined;
  for (let i = 0; i < count; i++) {
    if (!zip.subarray(at, at + 4).equals(signature(1, 2))) throw new Error('no directory entry');
    const nameLength = zip.readUInt16LE(at + 28);
    const entryName = zip.subarray(at + 46, at + 46 + nameLength).toString('utf8');
    if (entryName === name) {
      if (found !== undefined) throw new Error('two entries of this name');
      found = unpack(zip, at);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  if (found === undefined) throw new Error('no entry of this name');
  return found;
}

function findEnd(zip: Buffer): number {
  for (let at = zip.length - 22; at >= 0 && at >= zip.length - 22 - 0xffff; at--) {
    const here = zip.subarray(at, at + 4).equals(signature(5, 6));
    if (here && zip.readUInt16LE(at + 20) === zip.length - at - 22) return at;
  }
  throw new Error('no end of the directory');
}

function unpack(zip: Buffer, at: number): Buffer {
  const method = zip.readUInt16LE(at + 10);
  const crc = zip.readUInt32LE(at + 16);
  const packedSize = zip.readUInt32LE(at + 20);
  const size = zip.readUInt32LE(at + 24);
  const local = zip.readUInt32LE(at + 42);
  if (zip.readUInt16LE(at + 8) & 1) throw new Error('encrypted');
  if (!zip.subarray(local, local + 4).equals(signature(3, 4))) throw new Error('no local header');
  const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  if (begin + packedSize > zip.length) throw new Error('beyond the end');
  const packed = zip.subarray(begin, begin + packedSize);
  if (method !== 0 && method !== 8) throw new Error('neither stored nor deflated');
  const bytes = method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: 1 << 20 });
  if (bytes.length !== size || crc32(bytes) !== crc) throw new Error('damaged');
  return bytes;
}
