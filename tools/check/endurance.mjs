// A million small training steps, 2,000 large ones, and two workers: after warm-up resident memory must be flat,
// files, threads and the pool constant, statistics finite, and both workers end in the same bits.
//
//   npm run check -- endurance [SMALL STEPS] [LARGE STEPS]
import { once } from 'node:events';
import { resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { slopeOf } from '../../dist-dev/test/robustness/endurance/slope.js';

const [small = '1000000', large = '2000'] = process.argv.slice(2);
const program = resolve('dist-dev/test/robustness/endurance/train.js');
const megabyte = 1024 * 1024;
/** V8 doubles its young generation once at an unpredictable time, which adds 9 MB in any program. With a fixed size all
 * growth is ours. */
const fixedHeap = ['--min-semi-space-size=16', '--max-semi-space-size=16'];
/** Maximum growth over the measured part, at the upper end of the confidence interval. */
const maxGrowth = 8 * megabyte;
let wrong = 0;

for (const [size, steps] of [
  ['small', Number(small)],
  ['large', Number(large)],
]) {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...fixedHeap, program, size, String(steps)],
    {
      encoding: 'utf8',
      maxBuffer: 64 * megabyte,
    },
  );
  if (status !== 0) throw new Error(stderr);
  const seconds = (performance.now() - begin) / 1000;
  report(size, steps, seconds, JSON.parse(stdout));
}
await compareWorkers(Number(small) / 10);
process.exitCode = wrong === 0 ? 0 : 1;

function report(size, steps, seconds, { samples, finite }) {
  // The first fifth is warm-up, in which V8 compiles and sizes its heap.
  const measured = samples.slice(Math.floor(samples.length / 5));
  const of = (name) => measured.map((each) => each[name]);
  const { perStep, uncertainty } = slopeOf(of('step'), of('rss'));
  const span = measured.at(-1).step - measured[0].step;
  const growth = (perStep + uncertainty) * span;
  console.log(`=== ${steps} ${size} steps, ${seconds.toFixed(0)} s`);
  const rss = of('rss').map((bytes) => bytes / megabyte);
  console.log(
    `resident memory: ${rss[0].toFixed(1)} MB after warm-up, ${rss.at(-1).toFixed(1)} MB at the end, peak ${Math.max(...rss).toFixed(1)} MB`,
  );
  console.log(`slope: ${perStep.toFixed(3)} ± ${uncertainty.toFixed(3)} bytes per step (95 %)`);
  expectThat(growth < maxGrowth, `grows by less than ${maxGrowth / megabyte} MB over these ${span} steps`);
  for (const name of ['pool', 'files', 'threads', 'resources']) {
    const all = new Set(of(name));
    expectThat(all.size === 1, `${name}: always ${[...all].join(', ')}`);
  }
  expectThat(finite, 'parameters and statistics are finite');
}

async function compareWorkers(steps) {
  console.log(`=== two workers, ${steps} steps each`);
  const workers = [0, 1].map(() => new Worker(program, { workerData: { size: 'small', steps } }));
  const messages = await Promise.all(workers.map((worker) => once(worker, 'message')));
  const [[first], [second]] = messages;
  expectThat(first.hash === second.hash, `are bit-identical, ${first.hash.slice(0, 16)}`);
}

function expectThat(holds, what) {
  if (!holds) wrong++;
  console.log(`${holds ? 'yes' : 'NO '} ${what}`);
}
