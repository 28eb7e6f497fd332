import { readFileSync } from 'node:fs';

/** Address space that this process may have in bytes (`ulimit -v`); infinite where nobody says. */
const limit = readLimit();

function readLimit(): number {
  const kept = /^Max address space +(\d+)/m.exec(read('/proc/self/limits'))?.[1];
  return kept === undefined ? Infinity : Number(kept);
}

/**
 * Whether V8 can map so many bytes more for its heap; true where that cannot be known. The allocator of the system
 * may have more for array buffers: it keeps address space that was freed, which V8's heap cannot use.
 */
export function hasAddressSpace(bytes: number): boolean {
  if (limit === Infinity) return true;
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
