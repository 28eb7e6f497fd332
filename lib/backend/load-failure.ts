import type { LoadedAddon } from './load-addon.js';

/** Why there is no addon. It is expected on a platform without a binary. */
export interface Absence {
  readonly reason: string;
  readonly cause?: { readonly cause: unknown };
  readonly expected: boolean;
}

/** Describes why there is no addon. */
export function describeAbsence(loaded: Exclude<LoadedAddon, { addon: unknown }>): Absence {
  if ('missing' in loaded) return { reason: loaded.missing, expected: true };
  if ('lost' in loaded) return { reason: loaded.lost, expected: false };
  const cause = { cause: loaded.broken };
  return { reason: describeLoadFailure(loaded.broken), cause, expected: false };
}

/** Describes in one sentence why a binary was not loaded. */
function describeLoadFailure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'permission' in process && process.permission !== undefined
      ? "Node's permission model forbids addons in this process; --allow-addons permits them"
      : 'addons are forbidden in this process (--no-addons)';
  }
  const [firstLine] = String(message ?? error).split('\n', 1);
  return `the native binary does not load: ${firstLine}`;
}
