import { type JsonNumber, requireJsonRoom, toJsonNumbers } from '../json/json-numbers.js';
import type { JsonReader } from '../json/json-reader.js';
import { elementCount, type Shape } from './shape.js';
import { readShape } from './values.js';

/** What `JSON.stringify` makes of a tensor. JSON has no NaN, no infinities and no -0: they are strings. */
export interface TensorJson {
  /** Tells these fields from those of layers. */
  readonly type: 'Tensor';
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** The values, row-major. */
  readonly data: readonly JsonNumber[];
}

export function tensorJson(shape: Shape, values: Float32Array): TensorJson {
  requireJsonRoom(values.length);
  return { type: 'Tensor', shape, data: toJsonNumbers(values) };
}

/** The shape, once it is certain that there are as many values. */
export function readTensorShape(reader: JsonReader): Shape {
  const shape = readShape(`${reader.argument}.shape`, reader.field('shape') as Shape);
  reader.array('data', elementCount(shape));
  return shape;
}
