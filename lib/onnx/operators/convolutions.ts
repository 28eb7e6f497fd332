import { elementCount } from '../../core/shape.js';
import { Conv1D } from '../../nn/layers/conv-1d.js';
import { Conv2D } from '../../nn/layers/conv-2d.js';
import { ConvTranspose1D } from '../../nn/layers/conv-transpose-1d.js';
import { ConvTranspose2D } from '../../nn/layers/conv-transpose-2d.js';
import type { Layer } from '../../nn/shape-rule.js';
import { conv1d } from '../../ops/conv1d.js';
import { conv2d } from '../../ops/conv2d.js';
import { convTranspose1d } from '../../ops/conv-transpose-1d.js';
import { convTranspose2d } from '../../ops/conv-transpose-2d.js';
import type { AnyTensor, Sizes } from '../values.js';
import { adoptParameters } from './adopt-parameters.js';
import type { NodeReader } from './node-reader.js';
import { type Compute, type Operator, operator, type Prepared } from './operator.js';
import { type Axis, readWindows, sidesOf, windowSizes } from './windows.js';

// Conv and ConvTranspose: layers if their weights are constants.

/** Settings as layers and operations of either number of axes take them. */
interface Settings {
  readonly groups: number;
  readonly stride: never;
  readonly dilation: never;
  readonly padding: never;
  readonly outputPadding: never;
}

type Run = (x: AnyTensor, weight: AnyTensor, bias: AnyTensor | undefined, settings: Settings) => AnyTensor;
type Create = (kernel: readonly number[], settings: Settings, bias: boolean) => Layer;

const random = () => 0.5;

/** Layers with as few channels as possible, whose parameters are replaced. */
const conv: readonly (readonly [Run, Create])[] = [
  [
    conv1d,
    ([kernel], settings, bias) => {
      const { groups, stride, dilation, padding } = settings;
      return new Conv1D(groups, groups, kernel, { groups, stride, dilation, padding, bias, rng: random });
    },
  ],
  [
    conv2d,
    (kernel, settings, bias) => {
      const { groups, stride, dilation, padding } = settings;
      return new Conv2D(groups, groups, kernel as never, {
        ...{ groups, stride, dilation, padding, bias },
        rng: random,
      });
    },
  ],
];
const convTranspose: readonly (readonly [Run, Create])[] = [
  [
    convTranspose1d,
    ([kernel], settings, bias) =>
      new ConvTranspose1D(settings.groups, settings.groups, kernel, { ...settings, bias, rng: random }),
  ],
  [
    convTranspose2d,
    (kernel, settings, bias) =>
      new ConvTranspose2D(settings.groups, settings.groups, kernel as never, {
        ...settings,
        bias,
        rng: random,
      }),
  ],
];

export const Conv = operator(convSizes, (node) => {
  const { kernels, groups, windows } = readConvolution(node);
  const settingsFor = (sizes: Sizes) => settingsOf(groups, windows.axes(sizes), undefined);
  return prepare(node, conv, kernels, windows.isFixed ? settingsFor([]) : undefined, settingsFor);
});

function convSizes(node: NodeReader): Sizes | undefined {
  const image = node.sizes(0);
  const weight = node.sizes(1);
  if (image === undefined || weight === undefined) return undefined;
  const { windows } = readConvolution(node);
  return [image[0], weight[0], ...windowSizes(image.slice(2), windows)];
}

function readConvolution(node: NodeReader) {
  const weight = node.sizes(1)?.slice(2);
  const kernels = node.list('kernel_shape') ?? weight;
  if (kernels?.every((size) => typeof size === 'number') !== true) {
    return node.unsupported('a kernel of an unknown size');
  }
  // A layer is created for this kernel before it gets its weight.
  if (
    weight?.some((size, i) => typeof size === 'number' && size !== kernels[i]) ||
    (weight !== undefined && weight.length !== kernels.length)
  ) {
    node.unsupported(
      `kernel_shape = [${kernels.join(', ')}] with a weight of [${node.sizes(1)?.join(', ')}]`,
    );
  }
  const groups = node.number('group', 1);
  if (!Number.isSafeInteger(groups) || groups < 1) node.unsupported(`group = ${groups}`);
  return { kernels, groups, windows: readWindows(node, kernels) };
}

/**
 * @param fixed The settings if they do not depend on the size of the image.
 * @param settingsFor The settings for an image.
 */
function prepare(
  node: NodeReader,
  kinds: readonly (readonly [Run, Create])[],
  kernels: readonly number[],
  fixed: Settings | undefined,
  settingsFor: (sizes: Sizes) => Settings,
): Compute | Prepared {
  const kind = kinds.at(kernels.length - 1);
  if (kind === undefined || kernels.length === 0) return node.unsupported(`${kernels.length} spatial axes`);
  const [run, create] = kind;
  const [weight, bias] = [node.tensor(1), node.tensor(2)];
  const isConstant = weight !== undefined && (bias !== undefined || !node.has(2));
  if (fixed === undefined || !isConstant) {
    return (call) => {
      const x = call.tensor(0);
      const given = call.has(2) ? call.tensor(2) : undefined;
      return run(x, call.tensor(1), given, fixed ?? settingsFor(x.shape.slice(2)));
    };
  }
  const isWhole = weight.shape.length === kernels.length + 2 && weight.shape[0] % fixed.groups === 0;
  if (elementCount(weight.shape) === 0 || !isWhole) {
    node.unsupported(`a weight of shape [${weight.shape.join(', ')}]`);
  }
  const layer = adoptParameters(create(kernels, fixed, bias !== undefined), { weight, bias });
  return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
}

function settingsOf(
  groups: number,
  axes: readonly Axis[],
  outputPadding: readonly number[] | undefined,
): Settings {
  const each = (of: (axis: Axis) => number) => (axes.length === 1 ? of(axes[0]) : axes.map(of));
  return {
    groups,
    stride: each(({ stride }) => stride) as never,
    dilation: each(({ dilation }) => dilation) as never,
    padding: sidesOf(axes) as never,
    outputPadding: (axes.length === 1 ? outputPadding?.[0] : outputPadding) as never,
  };
}

export const ConvTranspose: Operator = operator(transposedSizes, (node) => {
  const { kernels, groups, axesFor, outputPadding, isFixed } = readTransposed(node);
  const settingsFor = (sizes: Sizes) => settingsOf(groups, axesFor(sizes), outputPadding);
  return prepare(node, convTranspose, kernels, isFixed ? settingsFor([]) : undefined, settingsFor);
});

function transposedSizes(node: NodeReader): Sizes | undefined {
  const image = node.sizes(0);
  const weight = node.sizes(1);
  if (image === undefined || weight === undefined) return undefined;
  const { groups, axesFor, outputPadding, isFixed } = readTransposed(node);
  const channels = weight[1];
  const spatial = image.slice(2);
  const isOpen = spatial.some((size) => typeof size !== 'number');
  const sizes =
    isOpen && !isFixed
      ? spatial
      : axesFor(spatial).map(({ kernel, stride, dilation, padding }, i) => {
          const size = spatial[i];
          if (typeof size !== 'number') return '?';
          const extent = (size - 1) * stride + dilation * (kernel - 1) + 1;
          return extent + outputPadding[i] - padding.before - padding.after;
        });
  return [image[0], typeof channels === 'number' ? channels * groups : '?', ...sizes];
}

function readTransposed(node: NodeReader) {
  const { kernels, groups } = readConvolution(node);
  const outputPadding = node.list('output_padding') ?? kernels.map(() => 0);
  const outputShape = node.list('output_shape')?.slice(-kernels.length);
  const auto = node.text('auto_pad', 'NOTSET');
  const isSame = auto.startsWith('SAME');
  const windows = readWindows(node, kernels);
  /** The padding is given, or follows from the shape of the output. */
  const axesFor = (sizes: Sizes): readonly Axis[] => {
    const strides = node.list('strides') ?? kernels.map(() => 1);
    if (outputShape === undefined && !isSame) return windows.axes(sizes);
    const dilations = node.list('dilations') ?? kernels.map(() => 1);
    return kernels.map((kernel, i) => {
      const [size, stride, dilation] = [sizes[i], strides[i], dilations[i]];
      if (typeof size !== 'number') return node.unsupported('an image of an unknown size');
      const wanted = outputShape?.[i] ?? size * stride;
      const total = (size - 1) * stride + (kernel - 1) * dilation + 1 + outputPadding[i] - wanted;
      const half = Math.floor(total / 2);
      const before = auto === 'SAME_UPPER' ? half : total - half;
      if (total < 0) node.unsupported('negative padding');
      return { kernel, stride, dilation, ceilMode: false, padding: { before, after: total - before } };
    });
  };
  return { kernels, groups, outputPadding, axesFor, isFixed: outputShape === undefined && !isSame };
}
