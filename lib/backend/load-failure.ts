/** Describes in one sentence why a binary was not loaded. */
export function describeLoadFailure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'permission' in process && process.permission !== undefined
      ? "Node's permission model forbids addons in this process; --allow-addons permits them"
      : 'addons are forbidden in this process (--no-addons)';
  }
  const [firstLine] = String(message ?? error).split('\n', 1);
  return `the native binary does not load: ${firstLine}`;
}
