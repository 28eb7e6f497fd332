import { readFileSync } from 'node:fs';

/** Bytes that are left to V8 for a garbage collection: several times what it takes. */
export const v8Reserve = 32 * 1024 * 1024;

/** Address space that this process may use in bytes (`ulimit -v`); infinite where it is unlimited or unknown. */
const limit = readLimit();

/** Whether this process has a limit that allocations must respect. */
export const isAddressSpaceLimited = limit !== Infinity;

function readLimit(): number {
  const bytes = /^Max address space +(\d+)/m.exec(read('/proc/self/limits'))?.[1];
  return bytes === undefined ? Infinity : Number(bytes);
}

/**
 * Whether the process may map so many bytes more; true where that cannot be known. glibc keeps address space that was
 * freed, which V8's heap cannot use: array buffers may find more than this says.
 */
export function hasAddressSpace(bytes: number): boolean {
  if (!isAddressSpaceLimited) return true;
  const kilobytes = /^VmSize:\s*(\d+) kB/m.exec(read('/proc/self/status'))?.[1];
  return kilobytes === undefined || Number(kilobytes) * 1024 + bytes <= limit;
}

/** The file's text, empty where there is no such file: outside Linux, or in a sandbox. */
function read(file: string): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
