import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { gather, listIn, listOf } from './arguments.js';
import { slicedIntegers } from './integer-arithmetic.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { type Call, operator } from './operator.js';

/** Positions along one axis, `count` of them. */
interface Range {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** The range of an axis; bounds count from the end if they are negative, and end at the tensor. */
function rangeOf(start: number, end: number, step: number, size: number, node: NodeReader): Range {
  if (!Number.isSafeInteger(step) || step === 0) return node.unsupported(`steps of ${step}`);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const [first, last] = [start, end].map((each, i) => {
    const fromFront = each < 0 ? each + size : each;
    return Math.min(Math.max(fromFront, i === 0 ? Math.max(low, 0) : low), high);
  });
  return { start: first, step, count: Math.max(0, Math.ceil((last - first) / step)) };
}

export const Slice = operator(
  (node) => {
    const sizes = node.sizes(0);
    const [starts, ends] = [listOf(node, 'starts', 1), listOf(node, 'ends', 2)];
    const isOpen = (name: string, index: number) =>
      node.has(index) && listOf(node, name, index) === undefined;
    const isKnown = starts !== undefined && ends !== undefined && !isOpen('axes', 3) && !isOpen('steps', 4);
    if (sizes === undefined || !isKnown) return sizes?.map(() => '?');
    const steps = node.numbers(4) ?? starts.map(() => 1);
    const result = [...sizes];
    (listOf(node, 'axes', 3) ?? starts.map((_, i) => i)).forEach((given, i) => {
      const axis = axisOf(given, sizes.length, node);
      const size = sizes[axis];
      result[axis] = typeof size === 'number' ? rangeOf(starts[i], ends[i], steps[i], size, node).count : '?';
    });
    return result;
  },
  (node) => (call) => {
    const starts = listIn(node, 'starts', call, 1) ?? [];
    const ends = listIn(node, 'ends', call, 2) ?? [];
    const axes = listIn(node, 'axes', call, 3) ?? starts.map((_, i) => i);
    const steps = call.numbers(4) ?? starts.map(() => 1);
    const value = call.value(0);
    return axes.reduce<Value>((x, given, i) => {
      const axis = axisOf(given, value.shape.length, node);
      const range = rangeOf(starts[i], ends[i], steps[i], value.shape[axis], node);
      return isIntegers(x) ? slicedIntegers(x, axis, range) : slice(call, x, axis, range);
    }, value);
  },
);

function slice(call: Call, x: AnyTensor, axis: number, { start, step, count }: Range): AnyTensor {
  if (step < 0) {
    return gather(
      call,
      x,
      axis,
      Array.from({ length: count }, (_, i) => start + i * step),
    );
  }
  return x.slice({ axis, start, end: count === 0 ? start : start + (count - 1) * step + 1, step });
}
