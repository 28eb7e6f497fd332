// node bench/convolution.mjs [ROUNDS] [THREADS]: the convolutions of ResNet-8 on 64 images of 3 x 32 x 32, and depthwise and
// dilated ones, forward and both gradients: milliseconds, GFLOP/s and the fraction of the processor's peak of fused multiply-adds, compared with
// PyTorch if it is installed, measured alternately. The median reflects the load of this machine, the best value its
// capability.
import { execFileSync } from 'node:child_process';
import { runQuietly, succeeds } from '../tools/process.mjs';
import { Contestant } from './contestant.mjs';

const [rounds = '40', threads = '1'] = process.argv.slice(2);
/** Images, input channels, rows and columns, output channels, kernel, stride, padding, dilation, groups. */
const layers = [
  [64, 3, 32, 16, 3, 1, 1, 1, 1],
  [64, 16, 32, 16, 3, 1, 1, 1, 1],
  [64, 16, 32, 32, 3, 2, 1, 1, 1],
  [64, 16, 32, 32, 1, 2, 0, 1, 1],
  [64, 32, 16, 32, 3, 1, 1, 1, 1],
  [64, 32, 16, 64, 3, 2, 1, 1, 1],
  [64, 32, 16, 64, 1, 2, 0, 1, 1],
  [64, 64, 8, 64, 3, 1, 1, 1, 1],
  [8, 128, 56, 128, 3, 1, 1, 1, 128],
  [8, 128, 56, 128, 3, 2, 1, 1, 128],
  [64, 512, 7, 512, 3, 1, 1, 1, 512],
  [8, 64, 33, 64, 3, 1, 4, 4, 1],
];
/** How often each layer occurs in the network; the last four do not. */
const times = [1, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0];
const passes = ['forward', 'by input', 'by weight'];

const build = 'build-bench';
runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_BENCH=ON']);
runQuietly('cmake', ['--build', build, '--target', 'bench_convolution']);
const program = `${build}/bench/convolution/bench_convolution`;
const peakWork = Number(execFileSync(program, ['peak'], { encoding: 'utf8' })) * Number(threads);

const python = '/usr/bin/python3';
const ours = new Contestant('ours', program, []);
const contestants = [ours];
if (succeeds(python, ['-c', 'import torch'])) {
  // Memory is kept, since faulting in new pages in every call would cost more than the arithmetic.
  const warm = { MALLOC_TRIM_THRESHOLD_: '-1', MALLOC_MMAP_MAX_: '0' };
  contestants.push(new Contestant('PyTorch', python, ['bench/contestants/pytorch_convolution.py'], warm));
}

const rows = {};
const totals = new Map(contestants.map(({ name }) => [name, { median: 0, best: 0 }]));
for (const contestant of contestants) contestant.start();
for (const [i, layer] of layers.entries()) {
  for (const contestant of contestants) await contestant.prepare(layer, threads);
  for (const pass of passes) rows[`${nameOf(layer)} ${pass}`] = await measure(layer, pass, times[i]);
}
for (const contestant of contestants) await contestant.stop();
console.table(rows);
for (const [name, { median, best }] of totals) {
  console.log(
    `all convolutions of a step, ${name}: median ${median.toFixed(1)} ms, best ${best.toFixed(1)} ms`,
  );
}

function nameOf([, inChannels, size, outChannels, kernel, stride, , dilation, groups]) {
  const kind = groups > 1 ? ' depthwise' : dilation > 1 ? ` dilation ${dilation}` : '';
  return `${inChannels}->${outChannels} ${kernel}x${kernel}/${stride}${kind} at ${size}x${size}`;
}

function work([images, inChannels, size, outChannels, kernel, stride, , , groups]) {
  return (images * inChannels * outChannels * ((kernel * size) / stride) ** 2) / groups;
}

async function measure(layer, pass, count) {
  const times = new Map([['peak', []], ...contestants.map(({ name }) => [name, []])]);
  for (let round = 0; round < Number(rounds); round++) {
    times.get('peak').push(await ours.run('peak', 1));
    for (const contestant of contestants) {
      times.get(contestant.name).push(await contestant.run(pass, 1));
    }
  }
  const peak = peakWork / Math.min(...times.get('peak'));
  const row = {};
  for (const { name } of contestants) {
    const best = Math.min(...times.get(name));
    totals.get(name).median += count * median(times.get(name));
    totals.get(name).best += count * best;
    row[`${name}, ms`] = Number(median(times.get(name)).toPrecision(3));
    row[`${name}, best ms`] = Number(best.toPrecision(3));
    row[`${name}, best: GFLOP/s`] = Math.round((2 * work(layer)) / best / 1e6);
    row[`${name}, best: of the peak`] = `${Math.round((100 * work(layer)) / best / peak)} %`;
  }
  return row;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
