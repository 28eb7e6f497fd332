import { existsSync, readFileSync } from 'node:fs';

const status = '/proc/self/status';

/**
 * The greatest resident memory of this process so far, in kilobytes. `resourceUsage().maxRSS` of a process on Linux
 * starts with what its parent had when it was spawned, so that a large parent hides what a child uses.
 */
export function peakMemory(): number {
  if (!existsSync(status)) return process.resourceUsage().maxRSS;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1]);
}
