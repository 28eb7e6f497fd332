// node bench/distributed.mjs [ROUNDS] [STEPS] [--parts]: a training step of ResNet-8 on 64 images of 3 x 32 x 32 by one
// process on one and on two threads, and by two ranks of one thread each: workers, Open MPI and MPICH, as far as they are
// installed. Measured alternately, medians over the rounds; then the parts of the ranks' step, and a simulation of more
// ranks. With --parts, which needs MPICH, only what a group adds to half the batch in one process, step by step.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnWorkers } from '../dist/distributed.js';
import { succeeds } from '../tools/process.mjs';
import { project } from './distributed/project.mjs';
import { median } from './resnet/median.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { parts: { type: 'boolean', default: false } },
});
const [rounds, steps] = [positionals[0] ?? '7', positionals[1] ?? '40'].map(Number);
const program = fileURLToPath(new URL('distributed/rank.mjs', import.meta.url));

const mpi = {
  'Open MPI': ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', '2'],
  MPICH: ['mpiexec.mpich', '-n', '2'],
};

/** Each runs the program with a number of threads for each rank; returns what rank 0 measured. */
const parts = {
  '1 process, 64 images': () => launch([], 1, 'alone'),
  '1 process, 64 images, as a group of one': () => launch([], 1),
  '1 process, 32 images': () => launch([], 1, 'group'),
  '... and the arithmetic of synchronization': () => launch([], 1, 'exchange'),
  '2 ranks of 32 images, gradients only': () => launch(mpi.MPICH, 1, 'synchronization'),
  '2 ranks of 32 images': () => launch(mpi.MPICH, 1),
};
const whole = {
  '1 process x 1 thread': () => launch([], 1, 'alone'),
  '1 process x 2 threads': () => launch([], 2, 'alone'),
  '2 workers x 1 thread': runWorkers,
  ...Object.fromEntries(
    Object.entries(mpi)
      .filter(([, [launcher]]) => succeeds(launcher, ['--version']))
      .map(([name, command]) => [`2 ranks x 1 thread, ${name}`, () => launch(command, 1)]),
  ),
};

const contestants = options.parts ? parts : whole;
const measured = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(contestants)) measured[name].push(await run());
}
const results = Object.entries(measured).map(([name, rows]) => [name, medians(rows)]);
const [[, alone]] = results;

console.log('\nA training step of ResNet-8 on 64 images');
console.table(
  results.map(([name, { milliseconds, waiting }]) => ({
    name,
    'ms a step': round3(milliseconds),
    'times as fast as 1 thread': round3(alone.milliseconds / milliseconds),
    'in calls of the group': name.startsWith('1') ? '' : `${round3((100 * waiting) / milliseconds)} %`,
  })),
);

if (options.parts) process.exit();

const groups = results.filter(([name]) => !name.startsWith('1'));
console.log('\nCalls of a group of 2 ranks');
console.table(
  groups.map(([name, { calls, latency, sumOfMebibyte }]) => ({
    name,
    'calls a step': calls,
    'µs for 129 doubles': round3(1000 * latency),
    'ms for the sum of 1 MiB': round3(sumOfMebibyte),
  })),
);

console.log('\nSIMULATION, not measured: more ranks with 32 images and the latency and bandwidth above each');
console.table(
  groups.flatMap(([name, result]) =>
    [2, 4, 8, 16, 32, 64].map((ranks) => {
      const { step, communication, efficiency } = project(result, ranks);
      return {
        name: name.replace(/^2 (workers|ranks) x 1 thread(, )?/, '') || 'workers',
        ranks,
        'ms a step': round3(step),
        communication: `${round3(100 * communication)} %`,
        'images/s against one rank': round3(ranks * efficiency),
      };
    }),
  ),
);

function launch(command, threads, without = []) {
  const [file, ...args] = [...command, process.execPath, program, String(steps)].concat(without);
  const environment = { ...process.env, BATCHNORM_NUM_THREADS: String(threads) };
  const output = execFileSync(file, args, { encoding: 'utf8', env: environment });
  return JSON.parse(output.slice(output.indexOf('{')));
}

async function runWorkers() {
  let result;
  await spawnWorkers(2, program, { workerData: steps, onMessage: (message) => (result = message) });
  return result;
}

/** The median of each number. */
function medians(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((key) => [key, median(rows.map((row) => row[key]))]));
}

function round3(value) {
  return Number(value.toPrecision(3));
}
