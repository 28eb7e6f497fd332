import type { Shape } from '../../core/shape.js';
import type { CapturedCall } from '../../plan/captured-graph.js';
import { type Emit, type GraphBuilder, int, ints, unsupported } from './graph-builder.js';

// Convolutions and pools. A signal is an image with one row; it is written with one spatial axis.

/** One axis of an operation with windows. */
interface Axis {
  readonly size: number;
  readonly outSize: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
}

function axesOf({ args }: CapturedCall): readonly [Axis, Axis] {
  const number = (name: string) => Number(args[name] ?? 1);
  const axis = (size: string, side: string): Axis => ({
    size: number(size.toLowerCase()),
    outSize: number(`out${size}`),
    kernel: number(`kernel${size}`),
    stride: number(`stride${size}`),
    dilation: number(`dilation${size}`),
    before: number(`padding${side}`),
  });
  return [axis('Height', 'Top'), axis('Width', 'Left')];
}

/** Values before the end of the last window. */
const covered = ({ outSize, kernel, stride, dilation }: Axis) =>
  (outSize - 1) * stride + dilation * (kernel - 1) + 1;

/** The padding after an axis, of which the call needs to know nothing: what the last window reaches. */
const after = (axis: Axis) => Math.max(0, covered(axis) - axis.size - axis.before);

function windowAttributes(axes: readonly Axis[], ends: readonly number[]) {
  return {
    kernel_shape: ints(axes.map(({ kernel }) => kernel)),
    strides: ints(axes.map(({ stride }) => stride)),
    pads: ints([...axes.map(({ before }) => before), ...ends]),
  };
}

/** Whether the weight is that of signals. */
function isSignal(call: CapturedCall, graph: GraphBuilder, axes: readonly Axis[]): boolean {
  const [{ size, kernel, outSize }] = axes;
  const { shape } = graph.find(graph.whole(call.args.weight));
  return shape.length === 3 && size === 1 && kernel === 1 && outSize === 1;
}

interface Channels {
  readonly images: number;
  readonly groups: number;
  /** Of the side that the weight lists second. */
  readonly inner: number;
  readonly outer: number;
}

function channelsOf({ args }: CapturedCall): Channels {
  const [images, groups] = [Number(args.images), Number(args.groups)];
  return { images, groups, inner: Number(args.inChannels), outer: Number(args.outChannels) };
}

export const emitConvolution: Emit = (call, graph) => {
  const { args } = call;
  const { images, groups, inner, outer } = channelsOf(call);
  const all = axesOf(call);
  const axes = isSignal(call, graph, all) ? all.slice(1) : all;
  const channels = groups * outer;
  const x = graph.read(args.x, [images, groups * inner, ...axes.map(({ size }) => size)]);
  const weight = graph.read(args.weight, [channels, inner, ...axes.map(({ kernel }) => kernel)]);
  const bias = args.bias === null ? [] : [graph.read(args.bias, [channels])];
  const name = graph.node('Conv', [x, weight, ...bias], {
    ...windowAttributes(axes, axes.map(after)),
    dilations: ints(axes.map(({ dilation }) => dilation)),
    group: int(groups),
  });
  graph.write(args.y, { name, shape: [images, channels, ...axes.map(({ outSize }) => outSize)] });
};

/** The input gradient of a convolution, whose output is the input here. */
export const emitTransposed: Emit = (call, graph) => {
  const { args } = call;
  const { images, groups, inner, outer } = channelsOf(call);
  const all = axesOf(call);
  const axes = isSignal(call, graph, all) ? all.slice(1) : all;
  const x = graph.read(args.dy, [images, groups * outer, ...axes.map(({ outSize }) => outSize)]);
  const weight = graph.read(args.weight, [groups * outer, inner, ...axes.map(({ kernel }) => kernel)]);
  const bias = args.bias === null ? [] : [graph.read(args.bias, [groups * inner])];
  // Negative padding at the end becomes output padding.
  const ends = axes.map((axis) => covered(axis) - axis.size - axis.before);
  const name = graph.node('ConvTranspose', [x, weight, ...bias], {
    ...windowAttributes(
      axes,
      ends.map((end) => Math.max(0, end)),
    ),
    dilations: ints(axes.map(({ dilation }) => dilation)),
    output_padding: ints(ends.map((end) => Math.max(0, -end))),
    group: int(groups),
  });
  graph.write(args.dx, { name, shape: [images, groups * inner, ...axes.map(({ size }) => size)] });
};

/** The shape of the planes with two leading axes, as ONNX needs them. */
function planesShape(given: Shape, planes: number, sizes: readonly number[]): Shape {
  const leading = given.length === sizes.length + 2 ? given.slice(0, 2) : [planes, 1];
  return [...leading, ...sizes];
}

export const emitPool =
  (operator: 'MaxPool' | 'AveragePool'): Emit =>
  (call, graph) => {
    const { args } = call;
    const all = axesOf(call);
    const given = graph.find(graph.whole(args.x)).shape;
    const [rows, columns] = all;
    const isRow = rows.size === 1 && rows.kernel === 1 && given.at(-1) === columns.size && given.length <= 3;
    const axes = isRow ? [columns] : all;
    const dilations = { dilations: ints(axes.map(({ dilation }) => dilation)) };
    const ends = endsOf(call, axes, isRow);
    const attributes = {
      ...windowAttributes(axes, ends.pads),
      ...(operator === 'MaxPool' ? dilations : { count_include_pad: int(Number(args.countIncludePad)) }),
      ...(ends.ceilMode ? { ceil_mode: int(1) } : {}),
    };
    const shape = planesShape(
      given,
      Number(args.planes),
      axes.map(({ size }) => size),
    );
    const name = graph.node(operator, [graph.read(args.x, shape)], attributes);
    const out = [...shape.slice(0, 2), ...axes.map(({ outSize }) => outSize)];
    graph.write(args.y, { name, shape: out });
  };

/** The padding at the ends of the axes. Windows may reach beyond that of the call, where nothing counts. */
function endsOf({ args }: CapturedCall, axes: readonly Axis[], isRow: boolean) {
  const pads = axes.map(after);
  if (args.countIncludePad === true) {
    const stated = [Number(args.paddingBottom), Number(args.paddingRight)].slice(isRow ? 1 : 0);
    const ceilMode = pads.some((end, i) => end > stated[i]);
    return ceilMode ? { pads: stated, ceilMode } : { pads, ceilMode };
  }
  // ONNX's run-times want less padding than the kernel has elements, which a dilated one may exceed.
  if (pads.every((end, i) => end < axes[i].kernel)) return { pads, ceilMode: false };
  return { pads: axes.map(leastCeiledEnd), ceilMode: true };
}

/** The least padding after an axis with which rounding up gives the number of windows. */
function leastCeiledEnd(axis: Axis): number {
  const { size, outSize, kernel, stride, before } = axis;
  const extent = covered({ ...axis, outSize: 1 });
  for (let end = 0; end < kernel; end++) {
    const count = Math.ceil((size + before + end - extent) / stride) + 1;
    if (Math.min(count, Math.ceil((size + before) / stride)) === outSize) return end;
  }
  throw unsupported('a dilated pool whose last window reaches far beyond the image');
}
