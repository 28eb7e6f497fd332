import { Tensor } from '../../core/tensor.js';
import { type AnyTensor, isKnown, type Sizes } from '../values.js';
import { gatherAxis } from './arguments.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { consume, operator } from './operator.js';

/** The scale of an axis and its sizes in the input and the output. */
interface ResizedAxis {
  readonly scale: number;
  readonly size: number;
  readonly newSize: number;
}

/** The position in the input for a position in the output. */
type Coordinate = (position: number, axis: ResizedAxis) => number;

const halfPixel: Coordinate = (position, { scale }) => (position + 0.5) / scale - 0.5;

const coordinates: Readonly<Record<string, Coordinate>> = {
  asymmetric: (position, { scale }) => position / scale,
  half_pixel: halfPixel,
  pytorch_half_pixel: (position, axis) => (axis.newSize > 1 ? halfPixel(position, axis) : 0),
  half_pixel_symmetric: (position, axis) => {
    const { scale, size, newSize } = axis;
    return (size / 2) * (1 - newSize / (scale * size)) + halfPixel(position, axis);
  },
  align_corners: (position, { scale, size, newSize }) => {
    // As ONNX's own cases have it, the last pixel of a size that is no whole number lies beyond the image.
    const extent = Math.abs(scale * size - newSize) < 1e-3 ? newSize : scale * size;
    return extent === 1 ? 0 : (position * (size - 1)) / (extent - 1);
  },
};

const roundings: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Resizes images to the nearest pixels or linearly, one axis after the other. */
const Resize = operator(resizedSizes, (node) => {
  const mode = node.text('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'bilinear') node.unsupported(`mode = ${mode}`);
  node.only('antialias', 0);
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
      const resized = { scale: scales[axis], size: x.shape[axis], newSize };
      if (newSize === resized.size && resized.scale === 1) return image;
      const positions = Array.from({ length: newSize }, (_, i) => {
        const position = coordinates[transform](i, resized);
        return Math.min(
          Math.max(mode === 'nearest' ? roundings[rounding](position) : position, 0),
          resized.size - 1,
        );
      });
      const compute = (each: AnyTensor) =>
        mode === 'nearest' ? gatherAxis(each, axis, positions) : interpolateAxis(each, axis, positions);
      return image === x ? compute(image) : consume(image, compute);
    }, x);
  };
});

/** Values at fractional positions: the weighted mean of the pixels before and behind each. */
function interpolateAxis(x: AnyTensor, axis: number, positions: readonly number[]): AnyTensor {
  const weights = Float32Array.from(positions, (position) => position - Math.floor(position));
  const shape = x.shape.map((_, i) => (i === axis ? positions.length : 1));
  const [before, behind] = [
    { positions: positions.map(Math.floor), weights: weights.map((weight) => 1 - weight) },
    { positions: positions.map(Math.ceil), weights },
  ].map((side) =>
    consume(gatherAxis(x, axis, side.positions), (each) => each.mul(Tensor.adopt(side.weights, shape))),
  );
  return consume(before, (a) => consume(behind, (b) => a.add(b)));
}

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
  const axes = node.list('axes')?.map((axis) => axisOf(axis, image.length, node)) ?? image.map((_, i) => i);
  /** The numbers of all axes, where only those of some are given. */
  const spread = (what: string, given: readonly number[], others: readonly number[]) => {
    if (given.length !== axes.length || given.some((each) => !(each > 0) || !Number.isFinite(each))) {
      node.unsupported(`the ${what} [${given.join(', ')}] for ${axes.length} axes`);
    }
    return others.map((each, axis) => (axes.includes(axis) ? given[axes.indexOf(axis)] : each));
  };
  const given = sizeInput === undefined ? undefined : numbers(sizeInput);
  if (given !== undefined && given.length > 0) {
    const sizes = spread('sizes', given, image);
    const scales = sizes.map((size, axis) => size / image[axis]);
    const policy = node.text('keep_aspect_ratio_policy', 'stretch');
    if (policy === 'stretch') return { sizes, scales };
    if (policy !== 'not_larger' && policy !== 'not_smaller') {
      return node.unsupported(`keep_aspect_ratio_policy = ${policy}`);
    }
    const extreme = policy === 'not_larger' ? Math.min : Math.max;
    const scale = extreme(...axes.map((axis) => scales[axis]));
    const kept = image.map((size, axis) => (axes.includes(axis) ? Math.floor(scale * size + 0.5) : size));
    return { sizes: kept, scales: image.map((_, axis) => (axes.includes(axis) ? scale : 1)) };
  }
  const scales = spread(
    'scales',
    node.list('scales') ?? numbers(scaleInput) ?? [],
    image.map(() => 1),
  );
  return { scales, sizes: image.map((size, axis) => Math.floor(size * scales[axis])) };
}

/** Upsample is the earlier name of Resize. */
export { Resize, Resize as Upsample };
