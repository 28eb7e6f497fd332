import { plainError } from '../validation/errors.js';
import { accessSync } from 'node:fs';
import { toNamespacedPath } from 'node:path';
import type { Backend } from './backend.js';
import { binaryPaths, missingCopy } from './binary-paths.js';
import { elfFault } from './elf.js';

/** What the addon exports: the operations of Backend, and the choice of ISA and threads. */
export interface Addon extends Omit<Backend, 'info'> {
  isa(): 'avx512' | 'avx2' | 'neon' | 'scalar';
  selectIsa(name: string): boolean;
  threads(): number;
}

export type LoadedAddon = { addon: Addon } | { missing: string } | { lost: string } | { broken: unknown };

/**
 * The addon, or why there is none: `missing` where no binary for this platform is present, `broken` where one is
 * present that the system or Node refuses to load, `lost` where a bundler has left the package's behind. Other errors are
 * thrown.
 */
export function loadAddon(): LoadedAddon {
  let denied: unknown;
  for (const file of binaryPaths()) {
    try {
      const fault = process.platform === 'linux' ? elfFault(file) : undefined;
      return fault === undefined
        ? { addon: open(file) }
        : { broken: plainError('ERR_BATCHNORM_BACKEND', fault) };
    } catch (error) {
      if (isKind(error, refused)) return { broken: error };
      if (isKind(error, forbidden)) {
        denied ??= error; // perhaps for lack of access to a folder around a bundle
      } else if (!isKind(error, absent)) {
        throw error;
      }
    }
  }
  const lost = missingCopy();
  if (lost !== undefined) return { lost };
  if (denied !== undefined) return { broken: denied };
  return { missing: `no native binary for ${process.platform}-${process.arch} is present` };
}

const absent = ['ENOENT', 'ENOTDIR'];
const refused = ['ERR_DLOPEN_FAILED', 'ERR_DLOPEN_DISABLED'];
/** By the system, by Node's permission model, by Deno's. */
const forbidden = ['EACCES', 'ERR_ACCESS_DENIED', 'NotCapable'];

/**
 * Loads the addon as `require` would. Bundlers rewrite `require` and `createRequire`, but not this. Where the same process has
 * loaded it before, as workers and the contexts of test runners do, it returns functions of their own for each.
 */
function open(file: string): Addon {
  accessSync(file); // dlopen has one code for a missing file and a broken one
  const module = { exports: {} };
  process.dlopen(module, toNamespacedPath(file));
  return module.exports as Addon;
}

/**
 * Whether an error has one of these codes, or names where it has no code. It may come from another realm: in a vm context,
 * as in Jest, the errors of node:fs are not instances of the context's Error.
 */
function isKind(error: unknown, kinds: readonly string[]): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return kinds.includes(String(code ?? name));
}
