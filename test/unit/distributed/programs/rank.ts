import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { connect, type Group } from 'batchnorm/distributed';
import { fuzz } from './fuzz.js';
import { scenarios } from './scenarios.js';
import { trainingScenarios } from './training-scenarios.js';

// One rank: runs the scenarios that workerData or the command line names, in one group, and reports what each returns.

const names = isMainThread ? process.argv.slice(2) : (workerData as string[]);

const transport = names[0] === 'mpiAlone' ? 'mpi' : 'auto';
const group = await connect({ timeout: 20_000, transport });
const results: Record<string, unknown> = {};
for (const name of names) {
  const [, seed] = /^fuzz (\d+)$/.exec(name) ?? [];
  const random = seed === undefined ? undefined : (members: Group) => fuzz(members, Number(seed));
  const scenario = random ?? scenarios[name] ?? trainingScenarios[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  results[name] = await scenario(group);
}
// Into a file, because launchers mix the output of their processes within lines.
const folder = process.env.BATCHNORM_TEST_RESULTS;
if (parentPort !== null) parentPort.postMessage(results);
else if (folder !== undefined) writeFileSync(join(folder, `${group.rank}.json`), JSON.stringify(results));
// The end of a process whose group has failed ends the others, which have to report, too.
if (parentPort === null && names[0]?.startsWith('fuzz'))
  await new Promise((resolve) => setTimeout(resolve, 2000));
