import { decodeNumbers } from '../files/decode-numbers.js';
import { FloatCollector } from '../files/float-collector.js';
import type { NumberType } from '../files/number-type.js';
import { formatShape, sameShape, type Shape } from '../../core/shape.js';
import { type Fail, type NpyLayout, requireNumberType } from './npy-header.js';
import type { NpyVisitor } from './npy-scanner.js';

/** Collects an array of a given shape as row-major float32. */
export class TensorCollector implements NpyVisitor {
  readonly #shape: Shape;
  readonly #what: string;
  readonly #fail: Fail;
  #collector: FloatCollector | undefined;

  /** @param what Name of the values in the error if there is no memory for them. */
  constructor(shape: Shape, what: string, fail: Fail) {
    this.#shape = shape;
    this.#what = what;
    this.#fail = fail;
  }

  begin(layout: NpyLayout): void {
    requireNumbers(layout, this.#shape, this.#fail);
    this.#collector = new FloatCollector(this.#what, this.#shape, layout.fortranOrder, this.#fail);
  }

  values(bytes: Uint8Array, type: NumberType): void {
    this.#collector?.add(bytes, type);
  }

  result(): Float32Array {
    return this.#collector?.values ?? new Float32Array(0);
  }
}

/** Collects a few numbers, in an array of at most one axis, as float64. */
export class NumberCollector implements NpyVisitor {
  readonly #shape: Shape;
  readonly #fail: Fail;
  readonly #numbers: number[] = [];

  constructor(shape: readonly [] | readonly [number], fail: Fail) {
    this.#shape = shape;
    this.#fail = fail;
  }

  begin(layout: NpyLayout): void {
    requireNumbers(layout, this.#shape, this.#fail);
  }

  values(bytes: Uint8Array, type: NumberType): void {
    for (const value of decodeNumbers(bytes, type)) this.#numbers.push(value);
  }

  result(): readonly number[] {
    return this.#numbers;
  }
}

function requireNumbers(layout: NpyLayout, shape: Shape, fail: Fail): void {
  requireNumberType(layout.descr, fail);
  if (!sameShape(layout.shape, shape)) {
    fail(`shape ${formatShape(shape)}`, formatShape(layout.shape));
  }
}
