import { Tensor } from '../../core/tensor.js';
import { Dropout as DropoutLayer } from '../../nn/layers/dropout.js';
import { concat } from '../../ops/concat.js';
import { elementTypeName, isFloatType } from '../proto/element-types.js';
import { type AnyTensor, isIntegers, isKnown, type Sizes, type Value } from '../values.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { chain, integers, operator } from './operator.js';
import { gatherAxis, listIn, listOf } from './arguments.js';
import { sameAsInput } from './sizes.js';

export const Dropout = operator(sameAsInput, (node) => {
  const ratio = node.numbers(1)?.[0] ?? node.number('ratio', 0.5);
  if (node.has(2) && node.numbers(2)?.[0] !== 0) node.unsupported('training_mode');
  if (!(ratio >= 0 && ratio <= 1)) node.unsupported(`ratio = ${ratio}`);
  const layer = new DropoutLayer(Number(ratio.toPrecision(7)));
  return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
});

/** Before opset 13, all axes from the given one on are normalized together. */
const overAxis = (compute: (x: AnyTensor) => AnyTensor) =>
  operator(sameAsInput, (node) => (call) => {
    const x = call.tensor(0);
    const rank = x.shape.length;
    const axis = axisOf(node.number('axis', node.opset < 13 ? 1 : -1), rank, node);
    if (axis === rank - 1) return compute(x);
    if (node.opset >= 13) {
      return chain(
        x,
        (each) => each.transpose(axis, -1),
        compute,
        (each) => each.transpose(axis, -1),
      );
    }
    const rows = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    return chain(
      x,
      (each) => each.reshape([rows, -1]),
      compute,
      (each) => each.reshape(x.shape),
    );
  });

export const Softmax = overAxis((x) => x.softmax());
export const LogSoftmax = overAxis((x) =>
  chain(
    x,
    (each) => each.reshape([-1, x.shape[x.shape.length - 1]]),
    (each) => each.logSoftmax(),
    (each) => each.reshape(x.shape),
  ),
);

interface ReduceOptions {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const reduction = (reduce: (x: AnyTensor, options: ReduceOptions) => AnyTensor) =>
  operator(
    (node) => {
      const sizes = node.sizes(0);
      if (sizes === undefined) return undefined;
      const axes = new Set(reducedAxes(node, listOf(node, 'axes', 1), sizes.length));
      const keep = node.number('keepdims', 1) !== 0;
      return sizes.flatMap((size, axis) => (axes.has(axis) ? (keep ? [1] : []) : [size]));
    },
    (node) => (call) => {
      const x = call.tensor(0);
      const axes = reducedAxes(node, listIn(node, 'axes', call, 1), x.shape.length);
      return axes.length === 0 ? x : reduce(x, { axes, keepDims: node.number('keepdims', 1) !== 0 });
    },
  );

function reducedAxes(node: NodeReader, axes: readonly number[] | undefined, rank: number): readonly number[] {
  if (axes !== undefined && axes.length > 0) return axes.map((axis) => axisOf(axis, rank, node));
  if (node.number('noop_with_empty_axes', 0) !== 0) return [];
  return Array.from({ length: rank }, (_, axis) => axis);
}

export const ReduceMean = reduction((x, options) => x.mean(options));
export const ReduceSum = reduction((x, options) => x.sum(options));
export const ReduceMax = reduction((x, options) => x.max(options));
export const ReduceMin = reduction((x, options) => x.min(options));

export const Cast = operator(sameAsInput, (node) => {
  const to = node.number('to', 1);
  const isFloat = isFloatType(to);
  if (elementTypeName(to) === 'string') node.unsupported('strings');
  return (call) => {
    const value = call.value(0);
    if (isFloat) return isIntegers(value) ? Tensor.from(value.numbers, value.shape) : value;
    if (isIntegers(value) && elementTypeName(to) !== 'bool') return value;
    const round = elementTypeName(to) === 'bool' ? (each: number) => Number(each !== 0) : Math.trunc;
    return integers((call.numbers(0) ?? []).map(round), value.shape);
  };
});

export const Constant = operator(
  (node) => readConstant(node).shape,
  (node) => {
    const value = readConstant(node);
    return () => value;
  },
);

function readConstant(node: NodeReader): Value {
  const value = node.attribute('value');
  if (value?.kind === 'tensor') return node.readTensor(value.tensor);
  const floats = node.list('value_floats');
  if (floats !== undefined) return Tensor.from(floats, [floats.length]);
  const ints = node.list('value_ints');
  if (ints !== undefined) return integers(ints);
  if (node.hasAttribute('value_int')) return integers([node.number('value_int', 0)], []);
  if (node.hasAttribute('value_float')) return Tensor.from([node.number('value_float', 0)], []);
  return node.unsupported('a constant of another type');
}

/** The position in the input for each position in the output along one axis. */
type Positions = (position: number, scale: number, size: number, newSize: number) => number;

const coordinates: Readonly<Record<string, Positions>> = {
  asymmetric: (position, scale) => position / scale,
  half_pixel: (position, scale) => (position + 0.5) / scale - 0.5,
  pytorch_half_pixel: (position, scale, _size, newSize) => (newSize > 1 ? (position + 0.5) / scale - 0.5 : 0),
  align_corners: (position, _scale, size, newSize) =>
    newSize > 1 ? (position * (size - 1)) / (newSize - 1) : 0,
};

const roundings: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Resizes images to the nearest pixels. */
export const Resize = operator(resizedSizes, (node) => {
  const mode = node.text('mode', 'nearest');
  if (mode !== 'nearest') node.unsupported(`mode = ${mode}`);
  if (
    node.hasAttribute('keep_aspect_ratio_policy') &&
    node.text('keep_aspect_ratio_policy', '') !== 'stretch'
  ) {
    node.unsupported('keep_aspect_ratio_policy');
  }
  if (node.hasAttribute('axes')) node.unsupported('axes');
  const isEarly = node.opset < 11;
  const transform = node.text('coordinate_transformation_mode', isEarly ? 'asymmetric' : 'half_pixel');
  const rounding = node.text('nearest_mode', isEarly ? 'floor' : 'round_prefer_floor');
  if (!Object.hasOwn(coordinates, transform))
    node.unsupported(`coordinate_transformation_mode = ${transform}`);
  if (!Object.hasOwn(roundings, rounding)) node.unsupported(`nearest_mode = ${rounding}`);
  return (call) => {
    const x = call.tensor(0);
    const { scales, sizes } = newSizes(node, x.shape, (index) => call.numbers(index));
    return sizes.reduce<AnyTensor>((image, newSize, axis) => {
      const size = x.shape[axis];
      if (newSize === size && scales[axis] === 1) return image;
      const positions = Array.from({ length: newSize }, (_, i) => {
        const position = coordinates[transform](i, scales[axis], size, newSize);
        return Math.min(Math.max(roundings[rounding](position), 0), size - 1);
      });
      return resizeAxis(image, axis, positions);
    }, x);
  };
});

function resizedSizes(node: NodeReader): Sizes | undefined {
  const image = node.sizes(0);
  if (!isKnown(image)) return image?.map(() => '?');
  const isOpen = scaleInputs(node).some((index) => node.has(index) && node.numbers(index) === undefined);
  return isOpen ? image.map(() => '?') : newSizes(node, image, (index) => node.numbers(index)).sizes;
}

/** The inputs with scales and with sizes. */
function scaleInputs(node: NodeReader): readonly number[] {
  return node.opset < 11 ? [1] : [2, 3];
}

function newSizes(
  node: NodeReader,
  image: readonly number[],
  numbers: (index: number) => readonly number[] | undefined,
): { readonly scales: readonly number[]; readonly sizes: readonly number[] } {
  const [scaleInput, sizeInput] = scaleInputs(node);
  const sizes = sizeInput === undefined ? undefined : numbers(sizeInput);
  if (sizes !== undefined && sizes.length > 0) {
    return { sizes, scales: sizes.map((size, axis) => size / image[axis]) };
  }
  const scales = node.list('scales') ?? numbers(scaleInput) ?? [];
  if (scales.length !== image.length) node.unsupported(`${scales.length} scales for ${image.length} axes`);
  return { scales, sizes: image.map((size, axis) => Math.floor(size * scales[axis])) };
}

/** Repeats pixels by a whole number at once; picks others one by one. */
function resizeAxis(x: AnyTensor, axis: number, positions: readonly number[]): AnyTensor {
  const size = x.shape[axis];
  const times = positions.length / size;
  if (
    !Number.isInteger(times) ||
    times < 2 ||
    positions.some((position, i) => position !== Math.floor(i / times))
  ) {
    return gatherAxis(x, axis, positions);
  }
  const outer = x.shape.slice(0, axis);
  const inner = x.shape.slice(axis + 1);
  return chain(
    x,
    (each) => each.reshape([...outer, size, 1, ...inner]),
    (each) => concat(Array<AnyTensor>(times).fill(each), { axis: axis + 1 }),
    (each) => each.reshape([...outer, positions.length, ...inner]),
  );
}
