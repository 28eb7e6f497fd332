import { concat, Tensor } from 'batchnorm';
import {
  type Any,
  axisOf,
  count,
  full,
  type Operators,
  scalar,
  stored,
  type Typed,
  typed,
} from './operator.js';
import { type Call, Inexpressible } from './value.js';

function slice(call: Call): Any {
  let x = call.any(0);
  const starts = call.list('starts') ?? call.numbers(1) ?? [];
  const ends = call.list('ends') ?? call.numbers(2) ?? [];
  const axes = call.list('axes') ?? call.numbers(3) ?? starts.map((_, i) => i);
  const steps = call.numbers(4) ?? starts.map(() => 1);
  axes.forEach((axis, i) => {
    if (steps[i] < 0) throw new Inexpressible('slices backwards');
    x = x.slice({ axis, start: starts[i], end: ends[i], step: steps[i] });
  });
  return x;
}

function split(call: Call): readonly Any[] {
  const x = call.any(0);
  const axis = axisOf(call.number('axis', 0), x.shape.length);
  const parts = call.node.outputs.length;
  const size = Math.ceil(x.shape[axis] / parts);
  const sizes = call.list('split') ?? call.numbers(1) ?? Array.from({ length: parts }, () => size);
  let start = 0;
  return sizes.map((each) => {
    const part = x.slice({ axis, start, end: start + each });
    start += each;
    return part;
  });
}

function reshape(call: Call): Any {
  const x = call.any(0);
  const wanted = call.list('shape') ?? call.numbers(1) ?? [];
  const zeroIsZero = call.number('allowzero', 0) !== 0;
  return x.reshape(wanted.map((size, axis) => (size === 0 && !zeroIsZero ? x.shape[axis] : size)));
}

function squeeze(call: Call): Any {
  const x = call.any(0);
  const axes = (call.list('axes') ?? call.numbers(1))?.map((axis) => axisOf(axis, x.shape.length));
  return x.reshape(x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))));
}

function unsqueeze(call: Call): Any {
  const x = call.any(0);
  const given = call.list('axes') ?? call.numbers(1) ?? [];
  const rank = x.shape.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  const sizes = [...x.shape];
  return x.reshape(Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (sizes.shift() ?? 1))));
}

function tile(call: Call): Any {
  return (call.numbers(1) ?? []).reduce<Any>(
    (x, times, axis) =>
      concat(
        Array.from({ length: times }, () => x),
        { axis },
      ),
    call.any(0),
  );
}

function pad(call: Call): Any {
  if (call.text('mode', 'constant') !== 'constant')
    throw new Inexpressible(`mode = ${call.text('mode', '')}`);
  const pads = call.list('pads') ?? call.numbers(1) ?? [];
  const value = call.numbers(2)?.[0] ?? call.number('value', 0);
  let x: Any = call.floats(0);
  const rank = x.shape.length;
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = [pads[axis], pads[axis + rank]];
    if (before < 0 || after < 0) throw new Inexpressible('negative padding');
    const edge = (size: number) =>
      full(
        x.shape.map((each, i) => (i === axis ? size : each)),
        value,
      );
    x = concat([edge(before), x, edge(after)], { axis });
  }
  return x;
}

function depthToSpace(call: Call): Any {
  const x = call.floats(0);
  const [n, c, h, w] = x.shape;
  const b = call.number('blocksize', 1);
  const isDcr = call.text('mode', 'DCR') === 'DCR';
  const blocks = isDcr ? x.reshape([n, b, b, c / (b * b), h, w]) : x.reshape([n, c / (b * b), b, b, h, w]);
  const order = isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return blocks.permute(order).reshape([n, c / (b * b), h * b, w * b]);
}

function spaceToDepth(call: Call): Any {
  const x = call.floats(0);
  const [n, c, h, w] = x.shape;
  const b = call.number('blocksize', 1);
  return x
    .reshape([n, c, h / b, b, w / b, b])
    .permute([0, 3, 5, 1, 2, 4])
    .reshape([n, c * b * b, h / b, w / b]);
}

function constant(call: Call): Typed {
  const value = call.stored('value');
  if (value !== undefined) return typed(value.type, stored(value));
  const floats = call.list('value_floats');
  if (floats !== undefined) return typed('float32', Tensor.from([...floats], [floats.length]));
  const integers = call.list('value_ints');
  if (integers !== undefined) return typed('int64', Tensor.from([...integers], [integers.length]));
  if (call.node.attributes.value_int !== undefined)
    return typed('int64', scalar(call.number('value_int', 0)));
  return typed('float32', scalar(call.number('value_float', 0)));
}

/** Operators that move elements, and constants. */
export const shapes: Operators = {
  Reshape: reshape,
  Transpose: (call) => {
    const x = call.any(0);
    return x.permute(call.list('perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis));
  },
  Flatten: (call) => {
    const x = call.any(0);
    const axis = axisOf(call.number('axis', 1), x.shape.length);
    return x.reshape([count(x.shape.slice(0, axis)), count(x.shape.slice(axis))]);
  },
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: (call) =>
    concat(
      Array.from({ length: call.count }, (_, i) => call.any(i)),
      { axis: call.number('axis', 0) },
    ),
  Slice: slice,
  Split: split,
  Expand: (call) => call.any(0).add(Tensor.zeros(call.numbers(1) ?? [])),
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Identity: (call) => call.any(0),
  Dropout: (call) => {
    if (call.has(2) && call.numbers(2)?.[0] === 1 && call.numbers(1)?.[0] !== 0)
      throw new Inexpressible('random numbers');
    if (call.node.outputs.length > 1) throw new Inexpressible('the mask of dropout');
    return call.floats(0);
  },
  Constant: constant,
  ConstantOfShape: (call) => {
    const value = call.stored('value');
    return typed(value?.type ?? 'float32', full(call.numbers(0) ?? [], Number(value?.values[0] ?? 0)));
  },
  Shape: (call) => {
    const { shape } = call.value(0).tensor;
    const part = shape.slice(
      call.number('start', 0),
      call.has(0) ? call.number('end', shape.length) : undefined,
    );
    return typed('int64', Tensor.from([...part], [part.length]));
  },
  Size: (call) => typed('int64', scalar(count(call.value(0).tensor.shape))),
};
