// node bench/resnet.mjs [ROUNDS] [THREADS]: a training step of ResNet-8 (forward, loss, backward, update) on 64 images of
// 3 x 32 x 32 with this package and its peers, measured alternately, medians; then the breakdown of our step, and the
// fraction of the processor's peak of fused multiply-adds that each convolution reaches.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { runQuietly } from '../tools/process.mjs';
import { compare, measureTensorFlow } from './resnet/compare.mjs';
import { shares } from './resnet/shares.mjs';
import { Contestant } from './contestant.mjs';
import { median } from './resnet/median.mjs';

const [rounds = '15', threads = [...new Set([1, availableParallelism()])].join()] = process.argv.slice(2);
const build = 'build-bench';
runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_BENCH=ON']);
runQuietly('cmake', ['--build', build, '--target', 'bench_convolution']);
const program = `${build}/bench/convolution/bench_convolution`;
const peakWork = Number(execFileSync(program, ['peak'], { encoding: 'utf8' }));

for (const count of threads.split(',').map(Number)) {
  console.log(`\n${count} ${count === 1 ? 'thread' : 'threads'}`);
  const results = await compare(count, Number(rounds));
  if (count === 1) results.push((await measureTensorFlow()) ?? []);
  const [ours] = results;
  console.table(
    results.flat().map(({ name, milliseconds, mebibytes }) => ({
      name,
      'ms a step': Number(milliseconds.toPrecision(3)),
      'times as long as ours': Number((milliseconds / ours.milliseconds).toPrecision(3)),
      'peak MiB': Math.round(mebibytes),
    })),
  );
  const step = shares(count, Number(rounds));
  const peak = (peakWork * count) / (await peakMilliseconds(count));
  console.table(
    step.parts
      .sort((a, b) => b.milliseconds - a.milliseconds)
      .map(({ name, calls, milliseconds, work }) => ({
        name,
        calls,
        ms: Number(milliseconds.toFixed(3)),
        'of the step': percent(milliseconds / step.milliseconds),
        'of the peak': work === 0 ? '' : percent((calls * work) / milliseconds / peak),
      })),
  );
}

/** The loop of only fused multiply-adds, on every thread. */
async function peakMilliseconds(count) {
  const contestant = new Contestant('peak', program, []);
  contestant.start();
  await contestant.prepare([1, 1, 1, 1, 1, 1, 0], count);
  const times = [];
  for (let i = 0; i < 15; i++) times.push(await contestant.run('peak', 2));
  await contestant.stop();
  return median(times);
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}
