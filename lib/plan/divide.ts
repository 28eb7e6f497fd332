import { planArena } from './arena.js';
import { type CapturedCall, type CapturedGraph, dependentValues } from './captured-graph.js';
import { ofSomeSamples } from './samples.js';

/** A batch as equal parts, which are computed one after the other or at the same time on several threads, and a smaller rest. */
export interface Division {
  /** For one part. */
  readonly graph: CapturedGraph;
  readonly parts: number;
  /** For the samples after the last part. */
  readonly rest: CapturedGraph | undefined;
}

/** How many floats the intermediate results of a part may take: 1 MiB, which a core's own cache keeps until they are read. */
const defaultPartLength = 2 ** 18;

let partLength = defaultPartLength;

/** The same for plans that are compiled from now on; for tests with small shapes. Without an argument, the default. */
export function setPartLength(length = defaultPartLength): void {
  partLength = length;
}

/**
 * How many samples of a batch should be computed at a time: all, unless their intermediate results leave the cache. A
 * network with large images is therefore computed image by image.
 */
export function samplesPerPart(graph: CapturedGraph, samples: number): number {
  const dependent = dependentValues(graph);
  const { length } = planArena(graph.calls, (value) => value !== graph.output && dependent.has(value));
  // Powers of two divide the usual batches and numbers of threads.
  for (let parts = 2 ** Math.ceil(Math.log2(length / partLength)); parts > 1; parts /= 2) {
    const size = Math.ceil(samples / parts);
    if (!reusesWeights(graph, size / samples)) continue;
    return ofSomeSamples(graph, samples, size) === undefined ? samples : size;
  }
  return samples;
}

/** Divides the samples of a batch into parts of this size. Each value has the same bits as in the whole batch. */
export function divide(graph: CapturedGraph, samples: number, size: number): Division {
  const whole: Division = { graph, parts: 1, rest: undefined };
  if (size >= samples) return whole;
  const part = ofSomeSamples(graph, samples, size);
  if (part === undefined) return whole;
  const left = samples % size;
  const rest = left === 0 ? undefined : ofSomeSamples(graph, samples, left);
  return { graph: part, parts: Math.floor(samples / size), rest };
}

// Each part reads all weights. That costs nothing where each weight is used often enough: ResNet-18 multiplies by most of its
// weights 49 times or more for one image. `Linear` multiplies by each weight once for a sample, so memory limits its speed.

/**
 * How often a weight has to be multiplied before computing takes as long as reading it. Convolutions prefetch their packed
 * weights.
 */
const fewestMultiplications = { convolution: 32, matmul: 128 };
/** Reading one weight from memory takes a twentieth of the time of this many multiplications. */
const multiplicationsPerRead = 800;

/** Whether reading the weights for each part, which has this share of the samples, costs at most a twentieth of the time. */
function reusesWeights({ calls }: CapturedGraph, share: number): boolean {
  let multiplications = 0;
  let slowReads = 0;
  for (const call of calls) {
    const { weights, uses, fewest } = workOf(call);
    multiplications += weights * uses * share;
    if (uses * share < fewest) slowReads += weights;
  }
  return slowReads * multiplicationsPerRead <= multiplications;
}

/** How many weights a call has, how often it multiplies by each, and the fewest multiplications that hide reading them. */
function workOf({ operation, args }: CapturedCall): { weights: number; uses: number; fewest: number } {
  const product = (...names: readonly string[]) =>
    names.reduce((result, name) => result * Number(args[name]), 1);
  const { convolution, matmul } = fewestMultiplications;
  if (operation === 'matmul') {
    return { weights: product('depth', 'columns'), uses: product('rows'), fewest: matmul };
  }
  if (!operation.startsWith('conv2d')) return { weights: 0, uses: 0, fewest: 0 };
  return {
    weights: product('groups', 'outChannels', 'inChannels', 'kernelHeight', 'kernelWidth'),
    uses: product('images', 'outHeight', 'outWidth'),
    fewest: convolution,
  };
}
