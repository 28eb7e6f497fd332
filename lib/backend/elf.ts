import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const headerBytes = 64;
const machines: Partial<Record<string, number>> = { x64: 62, arm64: 183 };

/**
 * Why a Linux shared library must not be loaded, judging by its header; undefined if it may be. The system's
 * loader does not check: a truncated file kills the process when the missing part is touched, and a file for
 * another processor is reported as not found.
 */
export function elfFault(file: string, processor: string = process.arch): string | undefined {
  const header = Buffer.alloc(headerBytes);
  const descriptor = openSync(file, 'r');
  let read: number;
  let size: number;
  try {
    read = readSync(descriptor, header, 0, headerBytes, 0);
    size = fstatSync(descriptor).size;
  } finally {
    closeSync(descriptor);
  }
  if (read < headerBytes || header.readUInt32BE(0) !== 0x7f454c46) {
    return `${file} is not a shared library`;
  }
  const machine = header.readUInt16LE(18);
  if (machine !== machines[processor]) {
    return `${file} is for another processor (ELF machine ${machine})`;
  }
  // The table of sections is the last thing in the file.
  const expected = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
  return size < expected ? `${file} is cut short: ${size} of ${expected} bytes` : undefined;
}
