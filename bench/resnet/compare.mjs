import { existsSync } from 'node:fs';
import { succeeds } from '../../tools/process.mjs';
import { Contestant } from '../contestant.mjs';
import { median } from './median.mjs';

const batch = [64, 3, 32, 32];
// A training run has thousands of steps. V8 needs a hundred to compile our code, before which a step takes up to 0.8 ms
// longer. PyTorch gets as many.
const warmUp = 100;
// Consecutive steps, as in a training run: weights and activations are in the caches, and threads are awake.
const stepsPerTurn = 5;

/** The installed contestants. PyTorch twice: by default, and with a malloc that keeps memory and requests huge pages,
 * since by default it gets new pages from the system in every step. */
function contestants(threads) {
  const found = [
    new Contestant('batchnorm', process.execPath, ['bench/contestants/resnet.mjs'], {
      BATCHNORM_NUM_THREADS: String(threads),
    }),
  ];
  const python = '/usr/bin/python3';
  if (succeeds(python, ['-c', 'import torch'])) {
    const program = ['bench/contestants/resnet.py'];
    const kept = {
      MALLOC_MMAP_MAX_: '0',
      MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
      GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
    };
    found.push(new Contestant('PyTorch', python, program));
    found.push(new Contestant('PyTorch, memory kept', python, program, kept));
  }
  return found;
}

/**
 * Measures training steps of ResNet-8 on 64 images of 3 x 32 x 32, each contestant in a separate process, alternately
 * for several steps.
 * @returns For each: name, threads, milliseconds of a step (median of the turns) and peak resident MiB.
 */
export async function compare(threads, rounds) {
  const taking = contestants(threads);
  const times = new Map();
  for (const each of taking) {
    each.start();
    await each.prepare(batch, threads);
    await each.run('step', warmUp);
    times.set(each, []);
  }
  for (let round = 0; round < rounds; round++) {
    for (const each of taking) times.get(each).push(await each.run('step', stepsPerTurn));
  }
  const results = [];
  for (const each of taking) {
    const { name } = each;
    results.push({
      name,
      threads,
      milliseconds: median(times.get(each)),
      mebibytes: each.peakMemory(),
    });
    await each.stop();
  }
  return results;
}

/** TensorFlow.js takes minutes: one step after the warm-up step. Undefined if it is not installed. */
export async function measureTensorFlow() {
  if (!existsSync('bench/node_modules/@tensorflow/tfjs')) return undefined;
  const contestant = new Contestant('TensorFlow.js', process.execPath, [
    'bench/contestants/resnet_tensorflow.mjs',
  ]);
  contestant.start();
  await contestant.prepare(batch, 1);
  const milliseconds = await contestant.run('step', 1);
  const mebibytes = contestant.peakMemory();
  await contestant.stop();
  return { name: contestant.name, threads: 1, milliseconds, mebibytes };
}
