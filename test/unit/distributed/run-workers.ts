import { spawnWorkers } from 'batchnorm/distributed';

const program = new URL('programs/rank.js', import.meta.url);

/** Runs scenarios in one group of worker threads; returns what each rank reports, by scenario. */
export async function runWorkers(
  scenarios: readonly string[],
  size: number,
): Promise<Record<string, unknown>[]> {
  const results = Array.from({ length: size }, () => ({}));
  await spawnWorkers(size, program, {
    workerData: scenarios,
    onMessage(message, rank) {
      results[rank] = message as Record<string, unknown>;
    },
  });
  return results;
}
