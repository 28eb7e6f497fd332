import {
  backward,
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  type OwnedTape,
  type Shape,
  type Tape,
  Tensor,
  type Tensor1D,
} from 'batchnorm';
import { type Group, synchronize } from 'batchnorm/distributed';
import { seeded, values } from '../../../support/random.js';

// Batch norm of batches that are divided unequally among ranks: what each rank computes.

/** The members that the layers for signals, images and volumes share. */
export interface AnyBatchNorm {
  readonly scale: Tensor1D<number> | undefined;
  readonly bias: Tensor1D<number> | undefined;
  readonly runningMean: Tensor1D<number>;
  readonly runningVar: Tensor1D<number>;
  forwardMut(x: Tensor<Shape, OwnedTape>): Tensor<Shape, OwnedTape>;
  forwardMutRelu(x: Tensor<Shape, OwnedTape>, residual?: Tensor<Shape, Tape>): Tensor<Shape, OwnedTape>;
}

const layers = { BatchNorm1D, BatchNorm2D, BatchNorm3D };

export interface NormCase {
  readonly name: string;
  readonly layer: keyof typeof layers;
  /** Shape of a sample. */
  readonly sample: readonly number[];
  /** Which axis of a sample has the channels. */
  readonly channelAxis: number;
  /** Number of samples of each rank, for groups of two and of three ranks. */
  readonly counts: readonly [readonly number[], readonly number[]];
  readonly affine?: boolean;
  readonly momentum?: number | 'cumulative';
  readonly fusion?: 'relu' | 'residual';
  readonly mean?: number;
  readonly deviation?: number;
}

export const normCases: readonly NormCase[] = [
  {
    name: 'tables',
    layer: 'BatchNorm1D',
    sample: [5],
    channelAxis: 0,
    counts: [
      [6, 3],
      [1, 4, 2],
    ],
  },
  {
    name: 'one value per rank',
    layer: 'BatchNorm1D',
    sample: [3],
    channelAxis: 0,
    counts: [
      [1, 1],
      [1, 0, 1],
    ],
  },
  {
    name: 'signals',
    layer: 'BatchNorm1D',
    sample: [4, 7],
    channelAxis: 0,
    counts: [
      [2, 5],
      [3, 1, 2],
    ],
    momentum: 'cumulative',
  },
  {
    name: 'images',
    layer: 'BatchNorm2D',
    sample: [3, 5, 6],
    channelAxis: 0,
    counts: [
      [3, 2],
      [1, 2, 3],
    ],
  },
  {
    name: 'one image',
    layer: 'BatchNorm2D',
    sample: [3, 5, 6],
    channelAxis: 0,
    counts: [
      [1, 0],
      [0, 1, 0],
    ],
  },
  {
    name: 'an empty first rank',
    layer: 'BatchNorm2D',
    sample: [2, 3, 3],
    channelAxis: 0,
    counts: [
      [0, 4],
      [0, 0, 4],
    ],
  },
  {
    name: 'an empty last rank',
    layer: 'BatchNorm2D',
    sample: [9, 4, 4],
    channelAxis: 0,
    counts: [
      [4, 0],
      [3, 2, 0],
    ],
    fusion: 'relu',
  },
  {
    name: 'images with a ReLU',
    layer: 'BatchNorm2D',
    sample: [19, 3, 5],
    channelAxis: 0,
    counts: [
      [2, 3],
      [4, 1, 1],
    ],
    fusion: 'relu',
  },
  {
    name: 'images with a residual',
    layer: 'BatchNorm2D',
    sample: [6, 5, 5],
    channelAxis: 0,
    counts: [
      [1, 3],
      [1, 0, 3],
    ],
    fusion: 'residual',
  },
  {
    name: 'an empty rank with a residual',
    layer: 'BatchNorm2D',
    sample: [5, 4, 4],
    channelAxis: 0,
    counts: [
      [0, 4],
      [2, 0, 3],
    ],
    fusion: 'residual',
  },
  {
    name: 'large means',
    layer: 'BatchNorm2D',
    sample: [3, 8, 8],
    channelAxis: 0,
    counts: [
      [3, 4],
      [2, 4, 1],
    ],
    mean: 1e4,
  },
  {
    name: 'large means with a residual',
    layer: 'BatchNorm2D',
    sample: [3, 8, 8],
    channelAxis: 0,
    counts: [
      [3, 4],
      [2, 4, 1],
    ],
    mean: 1e4,
    fusion: 'residual',
  },
  {
    name: 'without parameters',
    layer: 'BatchNorm2D',
    sample: [4, 3, 3],
    channelAxis: 0,
    counts: [
      [2, 1],
      [1, 1, 2],
    ],
    affine: false,
    momentum: 0.3,
  },
  {
    name: 'channels last',
    layer: 'BatchNorm2D',
    sample: [4, 5, 3],
    channelAxis: 2,
    counts: [
      [2, 3],
      [1, 3, 1],
    ],
  },
  {
    name: 'volumes',
    layer: 'BatchNorm3D',
    sample: [2, 3, 4, 5],
    channelAxis: 0,
    counts: [
      [1, 2],
      [2, 1, 1],
    ],
  },
];

/** The whole batch of a step; each channel has its own mean, and each rank its own. */
export function batchOf(each: NormCase, size: number, step: number) {
  const counts = each.counts[size - 2] ?? [];
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const length = each.sample.reduce((product, n) => product * n, 1);
  const rng = seeded(7 + 31 * step + each.name.length);
  const { mean = 0.5, deviation = 1 } = each;
  const x = values(rng, samples * length, deviation, mean);
  // The ranks' batches differ in mean and deviation, so that statistics per rank would be wrong.
  for (let i = 0; i < x.length; i++) x[i] += (Math.floor(i / length) % 3) * deviation * (x[i] - mean + 0.7);
  return { counts, samples, length, x, dy: values(rng, x.length), residual: values(rng, x.length) };
}

export const steps = 2;

/** The report of a rank on a step: its part of y and the gradients, and the running statistics. */
export type NormReport = Readonly<
  Record<'y' | 'dx' | 'dresidual' | 'dscale' | 'dbias' | 'mean' | 'variance', number[]>
>;

export function channelsOf({ sample, channelAxis }: NormCase): number {
  return sample[channelAxis];
}

export function parametersOf(each: NormCase): { readonly scale: Float32Array; readonly bias: Float32Array } {
  const rng = seeded(99);
  const channels = channelsOf(each);
  return { scale: values(rng, channels, 0.5, 1), bias: values(rng, channels, 0.5) };
}

/** Trains a layer on this rank's part of each batch. */
export function runNormCase(group: Group, each: NormCase): NormReport[] {
  const channels = channelsOf(each);
  const { affine = true, momentum = 0.1, channelAxis, sample } = each;
  const options = { affine, momentum, channelsLast: channelAxis > 0 };
  const bn: AnyBatchNorm = new layers[each.layer]<number, boolean, boolean>(channels, options);
  const { scale, bias } = parametersOf(each);
  bn.scale?.data.set(scale);
  bn.bias?.data.set(bias);
  synchronize(bn, group);
  return Array.from({ length: steps }, (_, step) => {
    const { counts, length, x, dy, residual } = batchOf(each, group.size, step);
    const first = counts.slice(0, group.rank).reduce((sum, count) => sum + count, 0);
    const count = counts[group.rank];
    const part = (array: Float32Array) =>
      Tensor.from(array.subarray(first * length, (first + count) * length), [count, ...sample]);
    const [input, added] = [part(x), part(residual)];
    const taped = added.trace();
    const y =
      each.fusion === undefined
        ? bn.forwardMut(input.trace())
        : bn.forwardMutRelu(input.trace(), each.fusion === 'residual' ? taped : undefined);
    const gradients = backward(y.mul(part(dy)).sum(), { keep: [y] });
    const of = (tensor: Tensor<Shape> | undefined) =>
      tensor === undefined ? [] : [...(gradients.get(tensor)?.data ?? [])];
    return {
      y: [...y.data],
      dx: of(input),
      dresidual: of(added),
      dscale: of(bn.scale),
      dbias: of(bn.bias),
      mean: [...bn.runningMean.data],
      variance: [...bn.runningVar.data],
    };
  });
}
