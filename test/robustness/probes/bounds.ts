import { peakMemory } from '../../support/peak-memory.js';

/** Limits for one file: the files and their tensors are small. */
const maxSeconds = 5;
const maxMegabytes = 64;

/**
 * Runs one load. Throws if it takes too much processor time or raises the process's peak memory by too much for a file
 * of this size.
 */
export async function withinBounds<T>(load: () => Promise<T>): Promise<T> {
  const peak = peakMemory();
  const begin = process.cpuUsage();
  const result = await load();
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  const megabytes = (peakMemory() - peak) / 1024;
  if (seconds > maxSeconds) throw new Error(`Loading took ${seconds} s of processor time`);
  if (megabytes > maxMegabytes) throw new Error(`Loading raised the memory peak by ${megabytes} MB`);
  return result;
}
