import type { Stats } from 'node:fs';

/** The name in messages for a file that is not a regular one; undefined for a regular file. */
export function specialFileType(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a directory';
  return stats.isFIFO() || stats.isSocket() ? 'a pipe or a socket' : 'a device';
}
