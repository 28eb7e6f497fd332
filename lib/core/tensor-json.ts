import { type JsonNumber, ensureJsonMemory, toJsonNumbers } from '../json/json-numbers.js';
import type { JsonReader } from '../json/json-reader.js';
import { elementCount, type Shape } from './shape.js';
import { readShape } from './values.js';

/** The JSON form of a tensor. NaN, infinities and -0, which JSON lacks, are strings. */
export interface TensorJson {
  /** Distinguishes a tensor from a layer. */
  readonly type: 'Tensor';
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** The values, row-major. */
  readonly data: readonly JsonNumber[];
}

export function tensorJson(shape: Shape, values: Float32Array): TensorJson {
  ensureJsonMemory(values.length);
  return { type: 'Tensor', shape, data: toJsonNumbers(values) };
}

/** Reads the shape and checks that the number of values fits it. */
export function readTensorShape(reader: JsonReader): Shape {
  const shape = readShape(`${reader.argument}.shape`, reader.field('shape') as Shape);
  reader.array('data', elementCount(shape));
  return shape;
}
