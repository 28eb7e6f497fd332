import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { elementCount, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';

/** An array seen with one stride per axis. */
export interface StridedView {
  /** Pass a Storage if one copy may not suffice: each WebAssembly call can detach views taken before it. */
  readonly values: Float32Array | Storage;
  readonly strides: readonly number[];
  /** Index of the first value. Default 0. */
  readonly offset?: number;
}

interface Axis {
  readonly size: number;
  readonly x: number;
  readonly y: number;
}

/** The number of axes that the backend's copy takes. */
const maxAxes = 5;

/** Copies each element of `x` to the same indices of `y`. The arrays must not overlap. */
export function stridedCopy(sizes: Shape, x: StridedView, y: StridedView): void {
  if (elementCount(sizes) === 0) return;
  copyAxes(merged(sizes, x.strides, y.strides), x, x.offset ?? 0, y, y.offset ?? 0);
}

/** Row-major strides. */
export function rowMajorStrides(shape: Shape): readonly number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Drops axes of size 1 and joins neighbors that both arrays traverse as one axis. */
function merged(sizes: Shape, x: readonly number[], y: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const outer = axes.at(-1);
    if (outer?.x === size * x[axis] && outer.y === size * y[axis]) {
      axes[axes.length - 1] = { size: outer.size * size, x: x[axis], y: y[axis] };
    } else {
      axes.push({ size, x: x[axis], y: y[axis] });
    }
  });
  return axes;
}

function copyAxes(
  axes: readonly Axis[],
  x: StridedView,
  xOffset: number,
  y: StridedView,
  yOffset: number,
): void {
  if (axes.length > maxAxes) {
    const [outer, ...inner] = axes;
    for (let i = 0; i < outer.size; i++) copyAxes(inner, x, xOffset + i * outer.x, y, yOffset + i * outer.y);
    return;
  }
  const from = valuesFrom(x, xOffset);
  const to = valuesFrom(y, yOffset);
  const unused: Axis = { size: 1, x: 0, y: 0 };
  const [a, b, c, d, e] = [...new Array<Axis>(maxAxes - axes.length).fill(unused), ...axes];
  backend.stridedCopy(
    ...([a.size, b.size, c.size, d.size, e.size] as const),
    ...([a.x, b.x, c.x, d.x, e.x] as const),
    ...([a.y, b.y, c.y, d.y, e.y] as const),
    from.length,
    to.length,
    named('x', from),
    named('y', to),
  );
}

function valuesFrom({ values }: StridedView, offset: number): Float32Array {
  const floats = values instanceof Storage ? values.values : values;
  return offset === 0 ? floats : floats.subarray(offset);
}
