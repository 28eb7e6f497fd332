import { AvgPool1D, AvgPool2D, MaxPool1D, MaxPool2D, type Shape, Tensor } from 'batchnorm';
import { type Call, Inexpressible } from './value.js';
import { type Axis, axesOf } from './window-axes.js';

// MaxPool and AveragePool.

type Any = Tensor<Shape>;

export function maxPool(call: Call): Any {
  if (call.node.outputs.length > 1) throw new Inexpressible('indices of maxima');
  return pool(
    call,
    ({ kernel, before, ...options }, ceilMode) =>
      new MaxPool1D(kernel, { ...settings(options), padding: before, ceilMode }),
    ([rows, columns], padding, ceilMode) =>
      new MaxPool2D([rows.kernel, columns.kernel], {
        stride: [rows.stride, columns.stride],
        dilation: [rows.dilation, columns.dilation],
        padding,
        ceilMode,
      }),
  );
}

export function averagePool(call: Call): Any {
  const countIncludePad = call.number('count_include_pad', 0) !== 0;
  if ((call.list('dilations') ?? []).some((each) => each !== 1)) throw new Inexpressible('dilation');
  return pool(
    call,
    ({ kernel, stride, before }, ceilMode) =>
      new AvgPool1D(kernel, { stride, padding: before, ceilMode, countIncludePad }),
    ([rows, columns], padding, ceilMode) =>
      new AvgPool2D([rows.kernel, columns.kernel], {
        stride: [rows.stride, columns.stride],
        padding,
        ceilMode,
        countIncludePad,
      }),
  );
}

const settings = ({ stride, dilation }: Pick<Axis, 'stride' | 'dilation'>) => ({ stride, dilation });

type Sides = readonly [top: number, left: number, bottom: number, right: number];

function pool(
  call: Call,
  ofSignals: (axis: Axis, ceilMode: boolean) => object,
  ofImages: (axes: readonly [Axis, Axis], padding: Sides, ceilMode: boolean) => object,
): Any {
  const x = call.floats(0);
  const ceilMode = call.number('ceil_mode', 0) !== 0;
  const sizes = x.shape.slice(2);
  const axes = axesOf(call, sizes, call.list('kernel_shape') ?? []);
  if (axes.some(({ kernel, before, after }) => Math.max(before, after) >= kernel)) {
    throw new Inexpressible('padding as large as the kernel');
  }
  if (sizes.length === 1 && axes[0].before === axes[0].after) return forward(ofSignals(axes[0], ceilMode), x);
  if (sizes.length > 2) throw new Inexpressible(`${sizes.length} spatial axes`);
  const unit: Axis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
  const [rows, columns] = sizes.length === 1 ? [unit, axes[0]] : axes;
  const layer = ofImages([rows, columns], [rows.before, columns.before, rows.after, columns.after], ceilMode);
  if (sizes.length === 2) return forward(layer, x);
  const [images, channels, length] = x.shape;
  const y = forward(layer, x.reshape([images, channels, 1, length]));
  return y.reshape([images, channels, y.shape[3]]);
}

function forward(layer: object, x: Any): Any {
  return (layer as { forward(x: Any): Any }).forward(x);
}
