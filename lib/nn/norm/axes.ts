import {
  elementCount,
  formatShape,
  type HasUnknownRank,
  type SameSize,
  type Shape,
} from '../../core/shape.js';
import { wrongShape } from '../../validation/errors.js';
import { type ImageShape, readImageShape } from '../../ops/image-shape.js';
import type { ImageProblem, ChannelProblem } from '../input.js';

// The shapes that norms with 1, 2 or 3 spatial axes accept, for the compiler and at run time.

/** Number of axes after the channels: signals, images or volumes. */
export type SpatialAxes = 1 | 2 | 3;

interface Problems<S, C extends number> {
  readonly 1: SignalProblem<S, C>;
  readonly 2: ImageProblem<S, C>;
  readonly 3: VolumeProblem<S, C>;
}

interface Shapes<C extends number> {
  readonly 1: readonly [number, C, number] | readonly [number, C] | readonly [C, number];
  readonly 2: readonly [number, C, number, number] | readonly [C, number, number];
  readonly 3: readonly [number, C, number, number, number] | readonly [C, number, number, number];
}

/**
 * The problem with shape S as text for the compiler's message; never if there is none. An indexed access, because with a
 * conditional type a norm of 3 channels would not be assignable to one of `number` channels.
 * @typeParam L Whether the channels are the last axis.
 */
export type AxesProblem<
  S,
  C extends number,
  D extends SpatialAxes,
  L extends boolean = false,
> = LayoutProblems<S, C>[`${L}`][D];

/** The shapes that a norm may accept. */
export type AxesShapes<
  C extends number,
  D extends SpatialAxes,
  L extends boolean = false,
> = LayoutShapes<C>[`${L}`][D];

interface LayoutProblems<S, C extends number> {
  readonly false: Problems<S, C>;
  readonly true: LastProblems<S, C>;
}

interface LayoutShapes<C extends number> {
  readonly false: Shapes<C>;
  readonly true: LastShapes<C>;
}

interface LastShapes<C extends number> {
  readonly 1: readonly [number, number, C] | readonly [number, C];
  readonly 2: readonly [number, number, number, C] | readonly [number, number, C];
  readonly 3: readonly [number, number, number, number, C] | readonly [number, number, number, C];
}

interface LastProblems<S, C extends number> {
  readonly 1: LastAxisProblem<S, C, 1, 'Expected a 2D tensor [N, C] or a 3D tensor [N, L, C]'>;
  readonly 2: LastAxisProblem<S, C, 2, 'Expected a 3D tensor [H, W, C] or a 4D tensor [N, H, W, C]'>;
  readonly 3: LastAxisProblem<S, C, 3, 'Expected a 4D tensor [D, H, W, C] or a 5D tensor [N, D, H, W, C]'>;
}

type LastAxisProblem<S, C extends number, D extends SpatialAxes, Expected> = S extends LastShapes<number>[D]
  ? S extends readonly [...Shape, infer K extends number]
    ? ChannelProblem<K, C>
    : never
  : HasUnknownRank<S> extends true
    ? never
    : Expected;

type SignalProblem<S, C extends number> = S extends readonly [number, infer K extends number, number]
  ? ChannelProblem<K, C>
  : S extends readonly [infer A extends number, infer B extends number]
    ? SameSize<B, C> extends true
      ? never
      : SameSize<A, C> extends true
        ? never
        : `Expected ${C} channels but received the shape [${A}, ${B}]`
    : HasUnknownRank<S> extends true
      ? never
      : 'Expected a 2D tensor [N, C] or [C, L], or a 3D tensor [N, C, L]';

type VolumeProblem<S, C extends number> = S extends readonly [
  number,
  infer K extends number,
  number,
  number,
  number,
]
  ? ChannelProblem<K, C>
  : S extends readonly [infer K extends number, number, number, number]
    ? ChannelProblem<K, C>
    : HasUnknownRank<S> extends true
      ? never
      : 'Expected a 4D tensor [C, D, H, W] or a 5D tensor [N, C, D, H, W]';

/**
 * Parses the shape of an input.
 * @param channels Number of channels of the norm; a 2D tensor for one spatial axis is [N, C] if its last axis
 * has that size, otherwise [C, L].
 * @throws RangeError for another rank or another number of channels.
 */
export function readAxesShape(
  argument: string,
  shape: Shape,
  channels: number,
  axes: SpatialAxes,
  channelsLast: boolean,
): ImageShape {
  const parsed = channelsLast
    ? readLastChannels(argument, shape, axes)
    : parseAxes(argument, shape, channels, axes);
  if (parsed.channels === channels) return parsed;
  throw wrongShape(argument, `${channels} channels`, `${parsed.channels} (shape ${formatShape(shape)})`);
}

/** Pixels become images of one pixel, whose channels lie side by side in the same way. */
function readLastChannels(argument: string, shape: Shape, axes: SpatialAxes): ImageShape {
  const rank = shape.length;
  if (rank === axes + 1 || rank === axes + 2) {
    return { images: elementCount(shape.slice(0, -1)), channels: shape[rank - 1], plane: 1 };
  }
  throw wrongShape(argument, expectedLast[axes], `shape ${formatShape(shape)}`);
}

const expectedLast: Readonly<Record<SpatialAxes, string>> = {
  1: 'a 2D tensor [N, C] or a 3D tensor [N, L, C]',
  2: 'a 3D tensor [H, W, C] or a 4D tensor [N, H, W, C]',
  3: 'a 4D tensor [D, H, W, C] or a 5D tensor [N, D, H, W, C]',
};

function parseAxes(argument: string, shape: Shape, channels: number, axes: SpatialAxes): ImageShape {
  if (axes === 2) return readImageShape(argument, shape);
  return axes === 1 ? readSignalShape(argument, shape, channels) : readVolumeShape(argument, shape);
}

function readSignalShape(argument: string, shape: Shape, channels: number): ImageShape {
  if (shape.length === 3) return { images: shape[0], channels: shape[1], plane: shape[2] };
  if (shape.length !== 2) {
    const expected = 'a 2D tensor [N, C] or [C, L], or a 3D tensor [N, C, L]';
    throw wrongShape(argument, expected, `shape ${formatShape(shape)}`);
  }
  if (shape[1] === channels) return { images: shape[0], channels, plane: 1 };
  if (shape[0] === channels) return { images: 1, channels, plane: shape[1] };
  throw wrongShape(argument, `${channels} channels`, `shape ${formatShape(shape)}`);
}

/** Parses the shape of volumes. @throws RangeError for another rank. */
export function readVolumeShape(argument: string, shape: Shape): ImageShape {
  if (shape.length === 4) return { images: 1, channels: shape[0], plane: shape[1] * shape[2] * shape[3] };
  if (shape.length === 5) {
    return { images: shape[0], channels: shape[1], plane: shape[2] * shape[3] * shape[4] };
  }
  const expected = 'a 4D tensor [C, D, H, W] or a 5D tensor [N, C, D, H, W]';
  throw wrongShape(argument, expected, `shape ${formatShape(shape)}`);
}
