import { concat } from '../../ops/concat.js';
import type { AnyTensor, Sizes } from '../values.js';
import { full, gatherAxis, listIn, listOf } from './arguments.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { consume, operator } from './operator.js';

/** The position in an axis of `size` elements that a position outside repeats. */
const modes: Readonly<Record<string, (position: number, size: number) => number>> = {
  edge: (position, size) => Math.min(Math.max(position, 0), size - 1),
  reflect: (position, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const inPeriod = modulo(position, period);
    return inPeriod < size ? inPeriod : period - inPeriod;
  },
  wrap: (position, size) => modulo(position, size),
};

const modulo = (a: number, b: number) => ((a % b) + b) % b;

/** Adds elements before and behind some axes; negative numbers remove elements. */
export const Pad = operator(
  (node) => {
    const sizes = node.sizes(0);
    if (sizes === undefined) return undefined;
    const pads = listOf(node, listName(node), 1);
    if (pads === undefined || (node.has(3) && node.numbers(3) === undefined)) return sizes.map(() => '?');
    const result: (number | string)[] = [...sizes];
    for (const { axis, before, after } of axesOf(node, sizes, pads, node.numbers(3))) {
      const size = sizes[axis];
      if (typeof size === 'number') result[axis] = size + before + after;
    }
    return result;
  },
  (node) => {
    const mode = node.text('mode', 'constant');
    if (mode !== 'constant' && !Object.hasOwn(modes, mode)) node.unsupported(`mode = ${mode}`);
    return (call) => {
      const x = call.tensor(0);
      const pads = listIn(node, listName(node), call, 1) ?? [];
      const value = call.numbers(2)?.[0] ?? node.number('value', 0);
      return axesOf(node, x.shape, pads, call.numbers(3)).reduce<AnyTensor>(
        (inner, { axis, before, after }) => {
          const size = x.shape[axis];
          if (before === 0 && after === 0) return inner;
          if (size + before + after < 0 || (mode !== 'constant' && size === 0)) {
            return node.unsupported(`padding of ${before} and ${after} for a size of ${size}`);
          }
          const compute = (each: AnyTensor) =>
            mode === 'constant'
              ? padWithConstant(each, axis, before, after, value)
              : gatherAxis(
                  each,
                  axis,
                  Array.from({ length: size + before + after }, (_, i) => modes[mode](i - before, size)),
                );
          return inner === x ? compute(inner) : consume(inner, compute);
        },
        x,
      );
    };
  },
);

const listName = (node: NodeReader) => (node.opset < 2 ? 'paddings' : 'pads');

function axesOf(
  node: NodeReader,
  sizes: Sizes,
  pads: readonly number[],
  given: readonly number[] | undefined,
) {
  const axes = given?.map((axis) => axisOf(axis, sizes.length, node)) ?? sizes.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length || !pads.every((each) => Number.isSafeInteger(each))) {
    node.unsupported(`pads = [${pads.join(', ')}] for ${axes.length} axes`);
  }
  return axes.map((axis, i) => ({ axis, before: pads[i], after: pads[i + axes.length] }));
}

function padWithConstant(
  x: AnyTensor,
  axis: number,
  before: number,
  after: number,
  value: number,
): AnyTensor {
  const size = x.shape[axis];
  const [start, end] = [Math.max(0, -before), size - Math.max(0, -after)];
  const isCropped = start > 0 || end < size;
  const cropped = isCropped ? x.slice({ axis, start: Math.min(start, size), end: Math.max(end, 0) }) : x;
  const edge = (width: number) =>
    width <= 0
      ? []
      : [
          full(
            x.shape.map((each, i) => (i === axis ? width : each)),
            value,
          ),
        ];
  const join = (each: AnyTensor) => concat([...edge(before), each, ...edge(after)], { axis });
  return isCropped ? consume(cropped, join) : join(cropped);
}
