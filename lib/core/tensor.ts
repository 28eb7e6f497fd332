// Declares Symbol.dispose for users who compile with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />
import { backend } from '../backend/index.js';
import { fromPackage, requirePackage } from '../validation/construction.js';
import { Graph } from './graph.js';
import {
  describe,
  rangeError,
  requireBoolean,
  requireAttached,
  requireOptions,
  typeError,
  wrongShape,
  wrongType,
} from '../validation/errors.js';
import { JsonReader } from '../json/json-reader.js';
import { defineInspect } from '../printing/inspect.js';
import { tensorText } from './tensor-text.js';
import { Lease } from './lease.js';
import { nested, type NestedArray } from './nested-array.js';
import { observer } from './observer.js';
import { elementCount, formatShape, type Shape } from './shape.js';
import { readTensorShape, type TensorJson, tensorJson } from './tensor-json.js';
import { drawNumber, type RandomOptions, readRandomSource } from './random-source.js';
export type { RandomOptions, RandomSource } from './random-source.js';
import { Storage } from './storage.js';
import type { NoneTape, OwnedTape, Tape } from './tape.js';
import { isFloat32Array, lengthOf, plainView } from '../validation/typed-array.js';
import { type NumberSource, readShape, readValues, requireFixedSize } from './values.js';
import { guardMethods } from '../validation/guard-methods.js';

/** The shape of a tensor type; distributes over unions. */
export type ShapeOf<X> = X extends Tensor<infer S, Tape> ? S : never;
/** The tape of a tensor type; distributes over unions. */
export type TapeOf<X> = X extends Tensor<Shape, infer T> ? T : never;

/** Settings of `trace`. */
export interface TraceOptions {
  /**
   * Whether `backward` computes the gradient with respect to the traced tensor. Default true, except for a frozen parameter.
   * Use false for training data: it skips the input gradient of the first layer.
   */
  readonly gradient?: boolean;
}

declare const tapeOfTensor: unique symbol;

let created = 0;

/** Creates a tensor that takes over one hold on `storage`. The shape must be frozen. Internal. */
export let createTensor: <S extends Shape, T extends Tape>(
  shape: S,
  storage: Storage,
  graph: Graph | undefined,
  id?: number,
  requiresGradient?: boolean,
) => Tensor<S, T>;
/** The tensor's live storage; throws if it was released. */
export let storageOf: (tensor: Tensor<Shape, Tape>) => Storage;
export let leaseOf: (tensor: Tensor<Shape, Tape>) => Lease;
/** The tensor's graph, or undefined without a tape; throws if the graph was consumed. */
export let graphOf: (tensor: Tensor<Shape, Tape>) => Graph | undefined;
/** Whether a value is a tensor of this copy of the package. */
export let isTensor: (value: unknown) => value is Tensor<Shape, Tape>;
/** False for a frozen parameter, a tensor traced with `gradient: false`, or one computed from such tensors only. */
export let requiresGradient: (tensor: Tensor<Shape, Tape>) => boolean;
/** Sets whether operations record a gradient with respect to a parameter. */
export let setRequiresGradient: (tensor: Tensor<Shape>, required: boolean) => void;
/** Whether `backward` or `disposeGraph` has consumed the tensor's graph. */
export let hasConsumedGraph: (tensor: Tensor<Shape, Tape>) => boolean;
export let isTaped: (tensor: Tensor<Shape, Tape>) => boolean;

// Methods whose operands must fit the shape take it from `this` and not from S: conditions on S in a
// parameter would keep a Tensor<[3]> from being used as a Tensor<[number]>.

/**
 * A row-major float32 array with a shape S and a tape T. If it owns a tape, operations on it are recorded for `backward`.
 *
 * @example
 * const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
 * const loss = x.trace().square().mean();
 * backward(loss).get(x)?.array(); // d loss / d x
 */
export class Tensor<out S extends Shape, out T extends Tape = NoneTape> {
  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [tapeOfTensor]: T;

  readonly #shape: S;
  readonly #id: number;
  readonly #lease: Lease;
  readonly #graph: Graph | undefined;
  #requiresGradient: boolean;

  private constructor(
    key: typeof fromPackage,
    shape: S,
    lease: Lease,
    graph: Graph | undefined,
    id: number,
    requiresGradient: boolean,
  ) {
    requirePackage(key, 'Tensor', 'Tensor.from(values, shape)');
    this.#shape = shape;
    this.#id = id;
    this.#lease = lease;
    this.#graph = graph;
    this.#requiresGradient = requiresGradient;
  }

  static {
    createTensor = (shape, storage, graph, id = created++, needsGradient = true) => {
      observer?.created(storage.values, shape);
      return new Tensor(fromPackage, shape, new Lease(storage), graph, id, needsGradient);
    };
    storageOf = (tensor) => tensor.#lease.storage;
    leaseOf = (tensor) => tensor.#lease;
    isTensor = (value): value is Tensor<Shape, Tape> =>
      typeof value === 'object' && value !== null && #lease in value;
    requiresGradient = (tensor) => tensor.#requiresGradient;
    setRequiresGradient = (tensor, required) => {
      tensor.#requiresGradient = required;
    };
    hasConsumedGraph = (tensor) => tensor.#graph?.consumed === true;
    isTaped = (tensor) => tensor.#graph !== undefined;
    graphOf = (tensor) => {
      const graph = tensor.#graph;
      if (graph?.consumed) {
        throw typeError(
          'ERR_BATCHNORM_GRAPH_CONSUMED',
          'backward() has consumed the graph of this tensor. Run forward again, or use detach() on a tensor that was kept',
        );
      }
      return graph?.root;
    };
    defineInspect(this.prototype as Tensor<Shape, Tape>, function (depth, options) {
      return tensorText(this, this.#lease, this.#graph !== undefined, depth, options);
    });
  }

  /**
   * Creates a tensor from a copy of `values`, flat or nested like the shape.
   * @throws TypeError if `values` is not an array of numbers, RangeError if their count does not fit the shape.
   */
  static from<const S extends Shape>(values: NumberSource, shape: S): Tensor<S> {
    const ownShape = readShape('shape', shape);
    const source = readValues('values', values, ownShape);
    return written(ownShape, (target) => {
      source.copyTo(target);
    });
  }

  /**
   * Creates a tensor that shares the memory of `values`, which is never recycled. If the array's buffer is transferred,
   * for example to a worker, every use of the tensor throws a TypeError.
   * @throws TypeError if `values` is not a Float32Array, RangeError if its length does not fit the shape or its buffer is
   * resizable.
   */
  static adopt<const S extends Shape>(values: Float32Array, shape: S): Tensor<S> {
    const ownShape = readShape('shape', shape);
    if (!isFloat32Array(values)) throw wrongType('values', 'a Float32Array', values);
    requireFixedSize('values', values);
    requireAttached('values', values);
    const count = elementCount(ownShape);
    if (lengthOf(values) !== count) {
      throw wrongShape('values', `${count} values (shape ${formatShape(ownShape)})`, describe(values));
    }
    // A subclass may report a different `length`; adopt a plain view instead.
    const array = values.length === count ? values : plainView(values);
    return createTensor(ownShape, Storage.adopt(array, ownShape), undefined);
  }

  /**
   * Creates a tensor, without a tape, from the JSON form of another.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): Tensor<Shape> {
    const reader = new JsonReader('json', json, 'Tensor');
    const tensor = filled(readTensorShape(reader), 0);
    reader.into('data', tensor.#lease.storage.values);
    return tensor;
  }

  /** A tensor of zeros. @throws TypeError or RangeError for an invalid shape. */
  static zeros<const S extends Shape>(shape: S): Tensor<S> {
    return filled(shape, 0);
  }

  /** A tensor of ones. @throws TypeError or RangeError for an invalid shape. */
  static ones<const S extends Shape>(shape: S): Tensor<S> {
    return filled(shape, 1);
  }

  /**
   * Normally distributed values with mean 0 and standard deviation 1 (Box and Muller, 1958).
   * @throws TypeError or RangeError for an invalid shape, RangeError if `rng` returns a number outside [0, 1).
   */
  static randn<const S extends Shape>(shape: S, options?: RandomOptions): Tensor<S> {
    const ownShape = readShape('shape', shape);
    const rng = readRandomSource(options);
    return written(ownShape, (values) => {
      for (let i = 0; i < values.length; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(1 - drawNumber('rng', rng)));
        const angle = 2 * Math.PI * drawNumber('rng', rng);
        values[i] = radius * Math.cos(angle);
        if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
      }
    });
  }

  /** Sizes of the axes, outermost first. */
  get shape(): S {
    return this.#shape;
  }

  /** Identity for gradients. `trace()` keeps it; every operation creates a new one. */
  get id(): number {
    return this.#id;
  }

  /**
   * The row-major values: the live storage, not a copy, in an ArrayBuffer that may be larger. Once taken, the memory is
   * never recycled, so that the array cannot show another tensor's values.
   */
  get data(): Float32Array {
    const { storage } = this.#lease;
    observer?.read(storage.values, '.data');
    return storage.expose(this.shape);
  }

  /** A copy of the values as nested arrays; a number for a scalar. */
  array<A extends Tensor<Shape, Tape>>(this: A): NestedArray<ShapeOf<A>> {
    const { values } = this.#lease.storage;
    observer?.read(values, 'array()');
    return nested(values, this.shape as ShapeOf<A>);
  }

  /** The value of a tensor with exactly one. @throws RangeError if it has more or none. */
  item(): number {
    const { values } = this.#lease.storage;
    observer?.read(values, 'item()');
    if (elementCount(this.shape) !== 1) {
      throw rangeError(
        'ERR_BATCHNORM_SHAPE',
        `Expected one value for item() but the shape is ${formatShape(this.shape)}`,
      );
    }
    return values[0];
  }

  /** Shape and values in NumPy's format; of more than 1000 values, the first and last three along each axis.
   * `console.log` shows the same. */
  toString(): string {
    if (observer !== undefined && !this.#lease.ended) observer.read(this.#lease.storage.values, 'toString()');
    return tensorText(this, this.#lease, this.#graph !== undefined);
  }

  /**
   * Shape and values for `JSON.stringify`; `Tensor.fromJSON` reads them.
   * @throws TypeError if the values were released, RangeError if memory runs out.
   */
  toJSON(): TensorJson {
    const { values } = this.#lease.storage;
    observer?.read(values, 'toJSON()');
    return tensorJson(this.shape, values);
  }

  /**
   * The same values with a tape: operations on the result are recorded for `backward`.
   * @throws TypeError if the tensor already has a tape.
   */
  trace(this: Tensor<Shape>, options?: TraceOptions): Tensor<S, OwnedTape> {
    if (this.#graph !== undefined) {
      throw typeError(
        'ERR_BATCHNORM_TAPE',
        'Expected a tensor without a tape for trace(), but it has one already',
      );
    }
    const { gradient = this.#requiresGradient } = requireOptions('options', options, ['gradient']);
    const needsGradient = requireBoolean('gradient', gradient);
    const storage = this.#lease.storage.retain();
    return createTensor(this.shape as S, storage, new Graph(), this.id, needsGradient);
  }

  /** The same values without a tape, as a constant: `backward` does not propagate through it. */
  detach(): Tensor<S> {
    return createTensor(this.shape, this.#lease.storage.retain(), undefined);
  }

  /** A copy of the values without a tape. */
  clone(): Tensor<S> {
    const source = this.#lease.storage;
    const copy = Storage.take(source.values.length);
    backend.copy(source.values.length, source.named('x'), copy.named('y'));
    return createTensor<S, NoneTape>(this.shape, copy, undefined);
  }

  /**
   * Releases the memory at once; using the tensor afterwards is an error. Values that a graph saved stay until
   * `backward`.
   */
  dispose(): void {
    this.#lease.end('dispose');
  }

  /** Called by `using`; the same as `dispose()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function filled<S extends Shape>(shape: S, value: number): Tensor<S> {
  return written(readShape('shape', shape), (values) => values.fill(value));
}

/** A tensor whose values `write` sets. Releases the memory if it throws. */
function written<S extends Shape>(shape: S, write: (values: Float32Array) => void): Tensor<S> {
  const storage = Storage.take(elementCount(shape));
  try {
    write(storage.values);
  } catch (error) {
    storage.release();
    throw error;
  }
  return createTensor(shape, storage, undefined);
}

/** A scalar. */
export type Tensor0D<T extends Tape = NoneTape> = Tensor<readonly [], T>;
/** A vector. */
export type Tensor1D<A extends number, T extends Tape = NoneTape> = Tensor<readonly [A], T>;
/** A matrix. */
export type Tensor2D<A extends number, B extends number, T extends Tape = NoneTape> = Tensor<
  readonly [A, B],
  T
>;
/** For example an image [C, H, W]. */
export type Tensor3D<
  A extends number,
  B extends number,
  C extends number,
  T extends Tape = NoneTape,
> = Tensor<readonly [A, B, C], T>;
/** For example a batch of images [N, C, H, W]. */
export type Tensor4D<
  A extends number,
  B extends number,
  C extends number,
  D extends number,
  T extends Tape = NoneTape,
> = Tensor<readonly [A, B, C, D], T>;
/** For example a batch of volumes [N, C, D, H, W]. */
export type Tensor5D<
  A extends number,
  B extends number,
  C extends number,
  D extends number,
  E extends number,
  T extends Tape = NoneTape,
> = Tensor<readonly [A, B, C, D, E], T>;
