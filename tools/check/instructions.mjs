// Instructions and data references of the AVX2 kernels at fixed shapes, counted by callgrind and compared
// with test/native/instructions.json; `--update` writes that file. Needs Debian's valgrind.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { nativeBuild } from '../build/native-programs.mjs';

const file = 'test/native/instructions.json';
const margin = 0.05;
// Full vectors, remainders of rows, planes smaller than a vector, lanes across channels.
const shapes = ['2 8 56 56', '2 16 28 28', '4 32 14 14', '8 64 7 7', '64 128 1 1'];
/** Fixed cache sizes of the first, second and last level, so that work is split the same on every machine. */
const caches = ['32768', '1048576', '33554432'];
const operations = ['training', 'inference', 'backward'].flatMap((operation) =>
  ['', ' relu', ' add relu'].map((fused) => operation + fused),
);
/** Convolutions of ResNet-8 and of 7 x 7 planes, and depthwise ones: images, input channels, rows and columns, output
 * channels, kernel, stride, padding, and dilation and groups unless they are 1. */
const convolutions = [
  ...['2 3 32 16 3 1 1', '2 16 16 32 3 2 1', '4 32 8 32 3 1 1', '2 16 7 20 1 1 0'],
  ...['4 64 7 64 3 1 1 1 64', '2 64 14 64 3 2 1 1 64'],
];

const build = nativeBuild('g++', 'bench_kernels', 'bench_convolution');

const counts = {};
for (const shape of shapes) {
  for (const operation of operations) {
    const program = [`${build}/bench/native/bench_kernels`, ...caches];
    const name = `batch_norm_${operation.split(' ', 1)[0]}`;
    counts[`${operation} ${shape}`] = count(program, name, shape, operation);
  }
}
for (const shape of convolutions) {
  const program = [`${build}/bench/convolution/bench_convolution`];
  const add = (name, run) => {
    counts[`${name} ${shape}`] = count(program, name, shape, run);
  };
  add('convolution', 'forward');
  add('convolution_input_gradient', 'by input');
  add('convolution_weight_gradient', 'by weight');
}
if (process.argv.includes('--update')) {
  writeFileSync(file, `${JSON.stringify(counts, null, 2)}\n`);
} else {
  compare(JSON.parse(readFileSync(file, 'utf8')));
}

/** Instructions, data reads and data writes of two calls. */
function count(program, name, shape, run) {
  const { stdout, stderr, status } = spawnSync(
    'valgrind',
    [
      ...['--tool=callgrind', '--callgrind-out-file=/dev/null', '--cache-sim=yes'],
      `--toggle-collect=batchnorm::${name}(*`,
      ...program,
    ],
    { input: `case ${shape} 1\nrun 1 ${run}\n`, encoding: 'utf8' },
  );
  const [, numbers] = /Collected : ([\d ]+)/.exec(stderr) ?? [];
  if (status !== 0 || numbers === undefined) throw new Error(`callgrind failed:\n${stdout}${stderr}`);
  const [instructions, reads, writes] = numbers.split(' ').map(Number);
  return { instructions, reads, writes };
}

function compare(recorded) {
  for (const [name, expected] of Object.entries(recorded)) {
    for (const [kind, limit] of Object.entries(expected)) {
      const found = counts[name]?.[kind];
      const change = found / limit - 1;
      if (Math.abs(change) <= margin) continue;
      process.exitCode = 1;
      console.error(`${name}: expected ${limit} ${kind} within ${100 * margin} % but counted ${found}`);
    }
  }
  console.log(`${Object.keys(recorded).length} operations and shapes match`);
}
