import { readFileSync } from 'node:fs';

/**
 * The state of a process of this machine: `is stopped`, `has ended` or `is running`; undefined if the system does not
 * report it.
 */
export function describeProcess(pid: number): string | undefined {
  try {
    // The name of the program may contain parentheses; the state follows the last one.
    const [, state] = /\) (\S)[^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    if (state === undefined) return undefined;
    if (state === 'T' || state === 't') return 'is stopped';
    return state === 'Z' || state === 'X' ? 'has ended' : 'is running';
  } catch (error) {
    const { code } = error as { code?: unknown };
    const knows = code === 'ENOENT' || code === 'ESRCH';
    return knows && process.platform === 'linux' ? 'has ended' : undefined;
  }
}
