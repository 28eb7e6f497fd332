import { Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D, type Shape, Tensor } from 'batchnorm';
import { type Call, Inexpressible } from './value.js';
import { type Axis, axesOf } from './window-axes.js';

// Conv and ConvTranspose.

type Any = Tensor<Shape>;
interface Parameterized {
  readonly weight: Any;
  readonly bias: Any | undefined;
}

export function convolution(call: Call): Any {
  const [x, weight] = [call.floats(0), call.floats(1)];
  const groups = call.number('group', 1);
  const [outChannels, groupChannels, ...kernels] = weight.shape;
  const axes = axesOf(call, x.shape.slice(2), kernels);
  const Class = [Conv1D, Conv2D].at(axes.length - 1);
  return apply(call, Class, axes, [groupChannels * groups, outChannels], { groups });
}

export function transposedConvolution(call: Call): Any {
  const [x, weight] = [call.floats(0), call.floats(1)];
  const groups = call.number('group', 1);
  const [inChannels, groupChannels, ...kernels] = weight.shape;
  const outputPadding = call.list('output_padding') ?? kernels.map(() => 0);
  const axes = transposedAxes(call, x.shape.slice(2), kernels, outputPadding);
  const Class = [ConvTranspose1D, ConvTranspose2D].at(axes.length - 1);
  return apply(call, Class, axes, [inChannels, groupChannels * groups], {
    groups,
    outputPadding: axes.length === 1 ? outputPadding[0] : outputPadding,
  });
}

function apply(
  call: Call,
  Class: unknown,
  axes: readonly Axis[],
  channels: readonly [inChannels: number, outChannels: number],
  further: object,
): Any {
  if (typeof Class !== 'function' || axes.length > 2) throw new Inexpressible(`${axes.length} spatial axes`);
  if (axes.some(({ before, after }) => Math.min(before, after) < 0))
    throw new Inexpressible('negative padding');
  const each = (value: (axis: Axis) => number) => (axes.length === 1 ? value(axes[0]) : axes.map(value));
  const options = {
    ...further,
    stride: each(({ stride }) => stride),
    dilation: each(({ dilation }) => dilation),
    padding: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  };
  const kernelSize = each(({ kernel }) => kernel);
  const layer = Reflect.construct(Class, [...channels, kernelSize, options]) as Parameterized & {
    forward(x: Any): Any;
  };
  layer.weight.data.set(call.floats(1).data);
  layer.bias?.data.set(call.has(2) ? call.floats(2).data : new Float32Array(channels[1]));
  return layer.forward(call.floats(0));
}

/** The padding is given, or it follows from the shape of the output. */
function transposedAxes(
  call: Call,
  sizes: readonly number[],
  kernels: readonly number[],
  outputPadding: readonly number[],
): readonly Axis[] {
  const auto = call.text('auto_pad', 'NOTSET');
  const outputShape = call.list('output_shape')?.slice(-sizes.length);
  const same = auto.startsWith('SAME');
  const axes = axesOf(call, sizes, kernels);
  if (outputShape === undefined && !same) return axes;
  return axes.map((axis, i) => {
    const { kernel, stride, dilation } = axis;
    const wanted = outputShape?.[i] ?? sizes[i] * stride;
    const total = (sizes[i] - 1) * stride + (kernel - 1) * dilation + 1 + outputPadding[i] - wanted;
    const half = Math.floor(total / 2);
    const before = auto === 'SAME_UPPER' ? half : total - half;
    return { ...axis, before, after: total - before };
  });
}
