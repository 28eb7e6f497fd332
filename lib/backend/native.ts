import { plainError } from '../errors.js';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { backendInfo } from './backend-info.js';
import type { Backend } from './backend.js';
import { elfFault } from './elf.js';

/** What the addon exports: the operations of Backend, and the choice of ISA and threads. */
interface Addon extends Omit<Backend, 'info'> {
  isa(): 'avx512' | 'avx2' | 'neon' | 'scalar';
  selectIsa(name: string): boolean;
  threads(): number;
}

export type LoadedAddon = { addon: Addon } | { missing: string } | { broken: Error };

/**
 * The addon, or why there is none: `missing` where no binary for this platform is present, `broken` where one is
 * present that the system or Node refuses to load. Other errors are thrown.
 */
export function loadAddon(): LoadedAddon {
  // A bundler that makes CommonJS leaves import.meta empty.
  const here = (import.meta.url as string | undefined) ?? pathToFileURL(__filename).href;
  const require = createRequire(here);
  for (const file of candidates(here)) {
    try {
      const fault = process.platform === 'linux' ? elfFault(file) : undefined;
      return fault === undefined
        ? { addon: require(file) as Addon }
        : { broken: plainError('ERR_BATCHNORM_BACKEND', fault) };
    } catch (error) {
      if (isError(error, refused)) return { broken: error };
      if (!isError(error, absent)) throw error;
    }
  }
  return { missing: `no native binary for ${process.platform}-${process.arch} is present` };
}

const absent = ['MODULE_NOT_FOUND', 'ENOENT', 'ENOTDIR'];
/** By the system, by Node's permission model, by Deno's. */
const refused = [
  ...['ERR_DLOPEN_FAILED', 'EACCES'],
  ...['ERR_DLOPEN_DISABLED', 'ERR_ACCESS_DENIED'],
  'NotCapable',
];

/** Best first: one that was built on this machine, the one in the package, one beside a bundle. */
function candidates(here: string): string[] {
  // The published package has the second alone, so bundlers must not recognize and look for the others.
  const files = [new URL('../../build/Release/batchnorm.node', here)];
  const packed = here === import.meta.url ? prebuilt() : undefined;
  if (packed !== undefined) files.push(packed);
  files.push(new URL('./batchnorm.node', here));
  return files.map((url) => fileURLToPath(url));
}

/** In this form, each whole and literal, bundlers find the files and carry them along. */
function prebuilt(): URL | undefined {
  switch (`${process.platform}-${process.arch}`) {
    case 'linux-x64':
      return new URL('../../prebuilds/linux-x64/batchnorm.node', import.meta.url);
    case 'linux-arm64':
      return new URL('../../prebuilds/linux-arm64/batchnorm.node', import.meta.url);
    case 'darwin-x64':
      return new URL('../../prebuilds/darwin-x64/batchnorm.node', import.meta.url);
    case 'darwin-arm64':
      return new URL('../../prebuilds/darwin-arm64/batchnorm.node', import.meta.url);
    case 'win32-x64':
      return new URL('../../prebuilds/win32-x64/batchnorm.node', import.meta.url);
    case 'win32-arm64':
      return new URL('../../prebuilds/win32-arm64/batchnorm.node', import.meta.url);
    default:
      return undefined;
  }
}

/** Whether an error has one of these codes, or names where it has no code. */
function isError(error: unknown, kinds: string[]): error is Error {
  if (!(error instanceof Error)) return false;
  return kinds.includes('code' in error ? String(error.code) : error.name);
}

/** The addon as a backend. `isa` and `threads` force a choice; one that cannot be had throws. */
export function nativeBackend(
  addon: Addon,
  isa: string | undefined,
  threads: number | undefined,
): Backend {
  if (isa !== undefined && !addon.selectIsa(isa)) {
    throw plainError(
      'ERR_BATCHNORM_BACKEND',
      `Expected an instruction set of this processor for BATCHNORM_ISA but received ${JSON.stringify(isa)}`,
    );
  }
  if (threads !== undefined) addon.setThreads(threads);
  const info = backendInfo('native', addon.isa(), () => addon.threads());
  // A plain object with the addon's functions as own members: no wrapper between a call and C++.
  return { ...addon, info };
}
