import { createRequire } from 'node:module';
import type { Backend, BackendInfo } from './backend.js';

/** What the addon exports: the operations of Backend, and the choice of ISA and threads. */
interface Addon extends Omit<Backend, 'info'> {
  isa(): 'avx2' | 'neon' | 'scalar';
  selectIsa(name: string): boolean;
  threads(): number;
}

export type LoadedAddon = { addon: Addon } | { missing: string };

const require = createRequire(import.meta.url);

/**
 * The addon, or why there is none: `missing` where no binary for this platform is present. A binary
 * that is present but does not load throws what `require` threw.
 */
export function loadAddon(): LoadedAddon {
  const absent: string[] = [];
  for (const load of binaries()) {
    try {
      return { addon: load() };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      absent.push(error.message.split('\n')[0] ?? '');
    }
  }
  return {
    missing: `no native binary for ${process.platform}-${process.arch}${absent.length > 0 ? '' : ' is made'}`,
  };
}

/** Candidates, best first. The paths are literal so that bundlers see them. */
function binaries(): (() => Addon)[] {
  const built = (): Addon => require('../../build/Release/batchnorm.node') as Addon;
  switch (`${process.platform}-${process.arch}`) {
    case 'linux-x64':
      return [() => require('../../prebuilds/linux-x64/batchnorm.node') as Addon, built];
    case 'linux-arm64':
      return [() => require('../../prebuilds/linux-arm64/batchnorm.node') as Addon, built];
    default:
      return [built];
  }
}

function isNotFound(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: unknown }).code === 'MODULE_NOT_FOUND';
}

/** The addon as a backend. `isa` and `threads` force a choice; one that cannot be had throws. */
export function nativeBackend(
  addon: Addon,
  isa: string | undefined,
  threads: number | undefined,
): Backend {
  if (isa !== undefined && !addon.selectIsa(isa)) {
    throw new Error(
      `Expected an instruction set of this processor for BATCHNORM_ISA but received ${JSON.stringify(isa)}`,
    );
  }
  if (threads !== undefined) addon.setThreads(threads);
  const info: BackendInfo = {
    name: 'native',
    isa: addon.isa(),
    get threads() {
      return addon.threads();
    },
  };
  // A plain object with the addon's functions as own members: no wrapper between a call and C++.
  return { ...addon, info };
}
