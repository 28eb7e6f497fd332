import type { JsonReader } from '../../json/json-reader.js';
import { requireFinite, wrongShape, wrongValue } from '../../validation/errors.js';
import {
  elementCount,
  formatShape,
  type HasUnknownRank,
  type SameSize,
  type Shape,
} from '../../core/shape.js';
import { readShape, requireSize } from '../../core/values.js';
import type { GroupShape } from '../../ops/group-norm.js';
import type { ShapeRule } from '../shape-rule.js';

// The last axes of a tensor, over which layer norm and RMS norm take their statistics.

/** The shape of the last axes, from the size of the last one or all their sizes. */
export type NormalizedShape<N extends number | Shape> = N extends Shape
  ? N
  : N extends number
    ? readonly [N]
    : never;

/** Accepts tensors whose last axes have shape D, and keeps their shape. */
export interface LastAxesRule<D extends Shape> extends ShapeRule {
  readonly accepts: readonly [...Shape, ...D];
  readonly output: this['input'];
  readonly problem: LastAxesProblem<this['input'], D>;
}

/** The problem with shape S for a norm over last axes of shape D, or never. */
export type LastAxesProblem<S, D extends Shape> =
  HasUnknownRank<S> extends true
    ? never
    : HasUnknownRank<D> extends true
      ? never
      : EndsWith<S, D> extends true
        ? never
        : `Expected a shape that ends in [${Joined<D>}]`;

type EndsWith<S, D> = D extends readonly [...infer DOuter extends Shape, infer DLast extends number]
  ? S extends readonly [...infer SOuter extends Shape, infer SLast extends number]
    ? SameSize<SLast, DLast> extends true
      ? EndsWith<SOuter, DOuter>
      : false
    : false
  : true;

type Joined<D extends Shape> = D extends readonly [infer First extends number, ...infer Rest extends Shape]
  ? Rest extends readonly []
    ? `${First}`
    : `${First}, ${Joined<Rest>}`
  : '';

/**
 * Checks the shape of the last axes.
 * @throws TypeError or RangeError unless it is a positive integer or an array of at least one.
 */
export function readNormalizedShape<N extends number | Shape>(value: N): NormalizedShape<N> {
  const argument = 'normalizedShape';
  if (!Array.isArray(value)) {
    return Object.freeze([requireSize(argument, value)]) as unknown as NormalizedShape<N>;
  }
  const shape = readShape(argument, value as Shape);
  if (shape.length === 0) throw wrongValue(argument, 'at least one size', '[]');
  shape.forEach((size, axis) => requireSize(`${argument}[${axis}]`, size));
  return shape as NormalizedShape<N>;
}

/** Reads the shape of the last axes from JSON. */
export function readNormalizedShapeJson(reader: JsonReader): Shape {
  const place = reader.place('normalizedShape');
  const shape = reader.list('normalizedShape').map((size, i) => requireFinite(`${place}[${i}]`, size));
  if (shape.length === 0) throw wrongValue(place, 'at least one size', '[]');
  shape.forEach((size, i) => requireSize(`${place}[${i}]`, size));
  return readShape(place, shape);
}

/**
 * A tensor as rows of elements with a scale each.
 * @throws RangeError if its last axes have another shape.
 */
export function readRows(shape: Shape, normalizedShape: Shape): GroupShape {
  const outer = shape.length - normalizedShape.length;
  if (outer < 0 || normalizedShape.some((size, axis) => shape[outer + axis] !== size)) {
    const expected = `a shape that ends in ${formatShape(normalizedShape)}`;
    throw wrongShape('x', expected, `shape ${formatShape(shape)}`);
  }
  const images = elementCount(shape.slice(0, outer));
  return { images, groups: 1, channels: elementCount(normalizedShape), plane: 1 };
}
