import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, sameShape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { areSizes, type Call, isFloats, type Kernels } from '../kernel.js';
import { type Image, imageOf, shapeOf } from '../layout.js';
import type { TensorInfo } from '../tensorflow.js';

interface Pooling {
  readonly sizes: PoolSizes;
  readonly bottom: number;
  readonly right: number;
  readonly input: Image;
  readonly output: Image;
}

type PoolSizes =
  Parameters<typeof native.avgPool> extends [
    ...infer Sizes extends number[],
    ...[number, number, boolean, unknown, unknown],
  ]
    ? Readonly<Sizes>
    : never;

/** Undefined if our operations do not compute this pooling. */
function poolingOf({ tf, attrs }: Call, x: TensorInfo): Pooling | undefined {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  if (x.shape.length !== 4) return undefined;
  const info = tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const { inShape, outShape, filterHeight, filterWidth, strideHeight, strideWidth } = info;
  const { top, left, bottom, right } = info.padInfo;
  // The cpu backend returns its input.
  if (filterHeight * filterWidth === 1 && sameShape(inShape, outShape)) return undefined;
  const input = imageOf(inShape);
  const output = imageOf(outShape);
  const fits =
    areSizes(top, left, bottom, right, output.height, output.width) &&
    elementCount(outShape) > 0 &&
    top < filterHeight &&
    left < filterWidth &&
    (output.height - 1) * strideHeight < input.height + top &&
    (output.width - 1) * strideWidth < input.width + left;
  if (!fits) return undefined;
  const sizes: PoolSizes = [
    ...([input.images * input.channels, input.height, input.width, output.height, output.width] as const),
    ...([filterHeight, filterWidth, strideHeight, strideWidth, top, left] as const),
  ];
  return { sizes, bottom, right, input, output };
}

/** NaN among the values, or infinities of both signs. */
function mayHaveNaN(values: Float32Array): boolean {
  return Number.isNaN(native.sum(values.length, named('x', values)));
}

export const poolingKernels: Kernels = {
  MaxPool: (call) => {
    const { x } = call.inputs;
    const pooling = isFloats(x) ? poolingOf(call, x) : undefined;
    if (pooling === undefined || x === undefined) return undefined;
    const { sizes, input, output } = pooling;
    const y = storagePool.take(sizes[0] * output.height * output.width);
    native.maxPool(...sizes, 1, 1, named('x', call.backend.dataOf(x).planes(input)), named('y', y));
    if (!mayHaveNaN(y)) return call.backend.output(shapeOf(output), y, output);
    // TensorFlow.js ignores NaN if there are numbers in the window.
    storagePool.give(y);
    return undefined;
  },
  MaxPoolGrad: (call) => {
    const { dy, input: x, output: result } = call.inputs;
    if (!isFloats(dy) || !isFloats(x) || !isFloats(result)) return undefined;
    const pooling = poolingOf(call, x);
    if (pooling === undefined) return undefined;
    const { sizes, input, output } = pooling;
    const shape = shapeOf(output);
    if (!sameShape(dy.shape, shape) || !sameShape(result.shape, shape)) return undefined;
    const y = call.backend.dataOf(result).planes(output);
    const planes = call.backend.dataOf(x).planes(input);
    // Not those of y, which the cpu backend may have computed without them.
    if (mayHaveNaN(planes)) return undefined;
    const gradient = call.backend.dataOf(dy).planes(output);
    const dx = storagePool.take(planes.length);
    native.maxPoolBackward(
      ...sizes,
      ...([1, 1, named('x', planes), named('y', y), named('dy', gradient), named('dx', dx)] as const),
    );
    return call.backend.output(x.shape, dx, input);
  },
  AvgPool: (call) => {
    const { x } = call.inputs;
    const pooling = isFloats(x) ? poolingOf(call, x) : undefined;
    if (pooling === undefined || x === undefined) return undefined;
    const { sizes, bottom, right, input, output } = pooling;
    const y = storagePool.take(sizes[0] * output.height * output.width);
    const planes = call.backend.dataOf(x).planes(input);
    native.avgPool(...sizes, bottom, right, false, named('x', planes), named('y', y));
    return call.backend.output(shapeOf(output), y, output);
  },
  // The gradient of the cpu backend divides by the size of the window also where it counts padding.
  AvgPoolGrad: (call) => {
    const { dy, input: x } = call.inputs;
    if (!isFloats(dy) || !isFloats(x)) return undefined;
    const pooling = poolingOf(call, x);
    if (pooling === undefined || !sameShape(dy.shape, shapeOf(pooling.output))) return undefined;
    const { sizes, input, output } = pooling;
    const [, height, width, , , filterHeight, filterWidth, strideHeight, strideWidth, top, left] = sizes;
    const dx = storagePool.take(elementCount(x.shape));
    const gradient = call.backend.dataOf(dy).planes(output);
    const bottom = Math.max(0, (output.height - 1) * strideHeight + filterHeight - height - top);
    const right = Math.max(0, (output.width - 1) * strideWidth + filterWidth - width - left);
    native.avgPoolBackward(...sizes, bottom, right, true, named('dy', gradient), named('dx', dx));
    return call.backend.output(x.shape, dx, input);
  },
};
