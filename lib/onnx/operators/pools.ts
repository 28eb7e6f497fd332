import { avgPool, avgPoolGlobal, maxPool, type Windows } from '../../ops/pool.js';
import type { AnyTensor, Sizes } from '../values.js';
import type { NodeReader } from './node-reader.js';
import { chain, consume, operator } from './operator.js';
import { type Axis, readWindows, type WindowAttributes, windowSizes } from './windows.js';

// Pools of one or two spatial axes.

export const MaxPool = operator(poolSizes, (node) => {
  const windows = readPool(node);
  return (call) => maxPool(call.tensor(0), windowsOf(windows, call.tensor(0)));
});

export const AveragePool = operator(poolSizes, (node) => {
  const windows = readPool(node);
  const countIncludePad = node.number('count_include_pad', 0) !== 0;
  if ((node.list('dilations') ?? []).some((each) => each !== 1)) node.unsupported('dilations');
  return (call) => avgPool(call.tensor(0), windowsOf(windows, call.tensor(0)), countIncludePad);
});

function poolSizes(node: NodeReader): Sizes | undefined {
  const image = node.sizes(0);
  return image && [image[0], image[1], ...windowSizes(image.slice(2), readPool(node))];
}

function readPool(node: NodeReader): WindowAttributes {
  const kernels = node.list('kernel_shape') ?? [];
  if (kernels.length < 1 || kernels.length > 2) node.unsupported(`${kernels.length} spatial axes`);
  if (!kernels.every((kernel) => Number.isSafeInteger(kernel) && kernel > 0)) {
    node.unsupported(`kernel_shape = [${kernels.join(', ')}]`);
  }
  node.only('storage_order', 0);
  return readWindows(node, kernels);
}

/** Windows begin in the image or in the padding before it. */
function windowsOf(windows: WindowAttributes, { shape }: AnyTensor): Windows {
  const axes: readonly Axis[] = windows.axes(shape.slice(2));
  const [first, second] = axes;
  return axes.length === 1 ? { rows: undefined, columns: first } : { rows: first, columns: second };
}

const onePixel = (node: NodeReader): Sizes | undefined =>
  node.sizes(0)?.map((size, axis) => (axis < 2 ? size : 1));

export const GlobalAveragePool = operator(onePixel, () => (call) => {
  const x = call.tensor(0);
  const [images, channels, ...spatial] = x.shape;
  const shape = [images, channels, ...spatial.map(() => 1)];
  if (spatial.length === 2) return consume(avgPoolGlobal(x), (means) => means.reshape(shape));
  return chain(
    x,
    (each) => each.reshape([images, channels, -1]),
    (each) => each.mean({ axes: 2 }),
    (each) => each.reshape(shape),
  );
});

export const GlobalMaxPool = operator(onePixel, () => (call) => {
  const x = call.tensor(0);
  return x.max({ axes: x.shape.map((_, axis) => axis).slice(2), keepDims: true });
});
