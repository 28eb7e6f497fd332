import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** Processors that this process may use, by its affinity and by the quotas of its control groups. */
export function usableCpus(): number {
  return Math.min(availableParallelism(), cgroupQuota('/sys/fs/cgroup', '/proc/self/cgroup') ?? Infinity);
}

/**
 * The smallest quota of the control groups of this process, in whole processors; undefined if there is none. Versions of
 * Node before 22 do not count it.
 * @param root Where control groups are mounted.
 * @param membership The file that names those of this process.
 */
export function cgroupQuota(root: string, membership: string): number | undefined {
  const quotas: number[] = [];
  for (const line of read(membership).split('\n')) {
    // Lines are "ID:CONTROLLERS:PATH"; version 2 has ID 0 and no controllers.
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (id === '0' && controllers === '')
      quotas.push(...upToRoot(path, (group) => quotaV2(join(root, group))));
    else if (controllers.split(',').includes('cpu')) {
      quotas.push(...upToRoot(path, (group) => quotaV1(join(root, 'cpu', group))));
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** A quota also limits every group below. In a container the path may not exist, but the root of the mount does. */
function upToRoot(path: string, quotaOf: (group: string) => number): number[] {
  const quotas: number[] = [];
  for (let group = path; ; group = dirname(group)) {
    const quota = quotaOf(group);
    if (quota > 0) quotas.push(quota);
    if (group === dirname(group)) return quotas;
  }
}

/** `cpu.max` holds "QUOTA PERIOD" in microseconds, or "max PERIOD". */
function quotaV2(folder: string): number {
  const [quota, period] = read(join(folder, 'cpu.max')).split(' ');
  return Math.ceil(Number(quota) / Number(period));
}

function quotaV1(folder: string): number {
  const [quota, period] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(join(folder, name)));
  return Math.ceil(Number(quota) / Number(period));
}

/** The file's text; empty if it does not exist, as outside Linux. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
