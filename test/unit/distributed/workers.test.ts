import { spawnWorkers } from 'batchnorm/distributed';
import { testTransport } from './transport-cases.js';

const program = new URL('programs/rank.js', import.meta.url);

async function run(scenarios: readonly string[], size: number): Promise<Record<string, unknown>[]> {
  const results = Array.from({ length: size }, () => ({}));
  await spawnWorkers(size, program, {
    workerData: scenarios,
    onMessage(message, rank) {
      results[rank] = message as Record<string, unknown>;
    },
  });
  return results;
}

describe('a group of workers', () => {
  testTransport('workers', run, [1, 2, 3]);
});
