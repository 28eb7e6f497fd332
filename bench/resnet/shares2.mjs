// The breakdown of a training step of ResNet-8: groups of calls into the backend, and the time between them.
import { backend } from '../../dist/backend/index.js';
import { setNumThreads } from '../../dist/index.js';
import { median } from './median.mjs';
import { stopwatch } from './stopwatch.mjs';
import { trainingStep } from './training-step.mjs';

const images = 64;
const passes = {
  conv2d: 'forward',
  conv2dInputGradient: 'by input',
  conv2dAddInputGradient: 'by input',
  conv2dWeightGradient: 'by weight',
};

/** @returns Milliseconds of a step and its parts: name, calls, milliseconds, multiply-adds of convolutions. */
export function shares(threads, rounds) {
  setNumThreads(threads);
  const during = stopwatch(backend);
  const step = trainingStep(images);
  for (let i = 0; i < 100; i++) step();
  const steps = [];
  const parts = new Map();
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    const calls = during(step);
    const spent = performance.now() - begin;
    steps.push(spent);
    const sums = new Map();
    let inside = 0;
    for (const call of calls) {
      const name = nameOf(call);
      const sum = sums.get(name) ?? { calls: 0, milliseconds: 0, work: workOf(call) };
      sum.calls++;
      sum.milliseconds += call.milliseconds;
      sums.set(name, sum);
      inside += call.milliseconds;
    }
    sums.set('between the calls', { calls: 1, milliseconds: spent - inside, work: 0 });
    for (const [name, { milliseconds, ...rest }] of sums) {
      const part = parts.get(name) ?? { name, ...rest, all: [] };
      part.all.push(milliseconds);
      parts.set(name, part);
    }
  }
  return {
    milliseconds: median(steps),
    parts: [...parts.values()].map(({ all, ...part }) => ({ ...part, milliseconds: median(all) })),
  };
}

function nameOf({ name, sizes }) {
  if (name in passes) {
    const [, , inChannels, outChannels, size, , , , kernel, , stride] = sizes;
    return `convolution ${inChannels}->${outChannels} ${kernel}x${kernel}/${stride} at ${size}x${size}, ${passes[name]}`;
  }
  if (name.startsWith('batchNorm')) {
    const [, channels, plane] = sizes;
    return `${name} ${channels} channels of ${plane}`;
  }
  if (name.endsWith('Step')) return `${name}s`;
  return name;
}

/** Multiply-adds of a convolution by the formula, including products with padding. */
function workOf({ name, sizes }) {
  if (!(name in passes)) return 0;
  const [images, groups, inChannels, outChannels, , , outHeight, outWidth, ...kernel] = sizes;
  return images * groups * inChannels * outChannels * outHeight * outWidth * kernel[0] * kernel[1];
}
