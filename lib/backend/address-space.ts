import { readFileSync } from 'node:fs';

/** Bytes reserved for V8's garbage collections: several times the memory that one takes. */
export const v8Reserve = 32 * 1024 * 1024;

/** Limit of this process's address space in bytes (`ulimit -v`); infinite if it is unlimited or unknown. */
const limit = readLimit();

/** Whether this process has a limit that allocations must respect. */
export const isAddressSpaceLimited = limit !== Infinity;

function readLimit(): number {
  const bytes = /^Max address space +(\d+)/m.exec(read('/proc/self/limits'))?.[1];
  return bytes === undefined ? Infinity : Number(bytes);
}

/**
 * Whether the process may map `bytes` more; true if unknown. glibc keeps freed address space, which array
 * buffers can reuse but V8's heap cannot, so array buffers may fit even if this returns false.
 */
export function hasAddressSpace(bytes: number): boolean {
  if (!isAddressSpaceLimited) return true;
  const kilobytes = /^VmSize:\s*(\d+) kB/m.exec(read('/proc/self/status'))?.[1];
  return kilobytes === undefined || Number(kilobytes) * 1024 + bytes <= limit;
}

/** The file's text; empty if the file does not exist, as outside Linux or in a sandbox. */
function read(file: string): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
