// Declares Symbol.dispose for users who compile with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />
import { fromPackage, requirePackage } from '../validation/construction.js';
import { wrongType } from '../validation/errors.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { endOfLease } from './lease.js';
import { defineInspect } from '../printing/inspect.js';
import { refuseJson } from '../printing/refuse-json.js';
import type { Shape } from './shape.js';
import { Storage } from './storage.js';
import { createTensor, isTensor, leaseOf, storageOf, type Tensor } from './tensor.js';
import type { NoneTape, Tape } from './tape.js';
import { guardMethods } from '../validation/guard-methods.js';

/** Adds a gradient to the sum so far. Takes over both holds and returns one on the sum. */
export function accumulate(earlier: Storage | undefined, gradient: Storage): Storage {
  if (earlier === undefined) return gradient;
  if (earlier.isConstant && !gradient.isConstant) return accumulate(gradient, earlier);
  const n = earlier.values.length;
  // In place only if no other holder reads the values: y = x.add(x) passes the same dy on twice.
  const target = earlier.unshared ? earlier.retain() : Storage.take(n);
  const right = named('b', gradient.compact);
  backend.add(1, n, right.length, earlier.named('a'), right, target.named('out'));
  earlier.release();
  gradient.release();
  return target;
}

/** One gradient. Its tensor is created on demand. */
export interface GradientEntry {
  readonly shape: Shape;
  storage: Storage;
  tensor: Tensor<Shape> | undefined;
}

/** Adds gradients by tensor id; takes over one hold on each. For `backward` only. */
export let addGradients: (gradients: Gradients, found: ReadonlyMap<number, GradientEntry>) => void;

/** Throws if a user has disposed of one of the gradients or transferred its array. For `backward` only. */
export let requireReadable: (gradients: Gradients) => void;

/** The gradient's values for `tensor`, if it has one. For optimizers only. */
export let gradientStorage: (gradients: Gradients, tensor: Tensor<Shape>) => Storage | undefined;

/** Scales the gradients of these tensors, if they have any. For optimizers only. */
export let scaleGradients: (gradients: Gradients, tensors: readonly Tensor<Shape>[], factor: number) => void;

/**
 * Replaces values of the gradient for `tensor` from index `begin` on; another gradient that shares them keeps them. For
 * data-parallel training only.
 */
export let replaceGradient: (
  gradients: Gradients,
  tensor: Tensor<Shape>,
  begin: number,
  values: Float32Array,
) => void;

/** Returns all gradients to the pool. For optimizers only. */
export let consumeGradients: (gradients: Gradients) => void;

const ends = { update: 'consumed by update()', gradients: 'disposed' } as const;

/** The result of `backward`: the gradient of the loss with respect to each leaf of the graph. */
export class Gradients {
  static {
    guardMethods(this);
    defineInspect<Gradients>(this.prototype, function () {
      const { size } = this.#found;
      const tensors = `of ${size} tensor${size === 1 ? '' : 's'}`;
      return `Gradients (${this.#end === undefined ? tensors : ends[this.#end]})`;
    });
    refuseJson(this.prototype, 'gradients', 'Stringify gradients.get(parameter) of each parameter');
  }

  readonly #found: Map<number, GradientEntry>;
  #end: 'update' | 'gradients' | undefined;

  static {
    addGradients = (gradients, found) => {
      for (const [id, each] of found) {
        const earlier = gradients.#found.get(id);
        if (earlier === undefined) {
          gradients.#found.set(id, each);
          continue;
        }
        const sum = valuesOf(earlier);
        const n = sum.values.length;
        backend.add(1, n, n, sum.named('a'), each.storage.named('b'), sum.named('out'));
        each.storage.release();
      }
    };
    requireReadable = (gradients) => {
      for (const found of gradients.#found.values()) valuesOf(found).requireAttached();
    };
    gradientStorage = (gradients, { id }) => {
      const found = gradients.#found.get(id);
      return found === undefined ? undefined : valuesOf(found);
    };
    scaleGradients = (gradients, tensors, factor) => {
      for (const { id } of tensors) {
        const found = gradients.#found.get(id);
        if (found !== undefined) scale(found, factor);
      }
    };
    replaceGradient = (gradients, { id }, begin, values) => {
      const found = gradients.#found.get(id);
      if (found === undefined) return;
      const before = valuesOf(found).values;
      const own = ownValues(found);
      if (own !== before) own.set(before);
      own.set(values, begin);
    };
    consumeGradients = (gradients) => {
      gradients.#release('update');
    };
  }

  /** @internal Takes over `found`. */
  constructor(key: typeof fromPackage, found: Map<number, GradientEntry>) {
    requirePackage(key, 'Gradients', 'backward(loss)');
    this.#found = found;
  }

  /**
   * The gradient with respect to `tensor`, or undefined if the loss does not depend on it or it was traced with
   * `gradient: false`. Intermediate tensors have none: `backward` releases them as it goes.
   * @throws TypeError after `dispose()`, or after an optimizer's `update` has consumed the gradients.
   */
  get<S extends Shape>(tensor: Tensor<S, Tape>): Tensor<S> | undefined {
    if (!isTensor(tensor)) throw wrongType('tensor', 'a Tensor', tensor);
    this.requireUnconsumed();
    const found = this.#found.get(tensor.id);
    if (found === undefined) return undefined;
    found.tensor ??= createTensor<Shape, NoneTape>(found.shape, found.storage, undefined);
    return found.tensor as Tensor<S>;
  }

  /**
   * Releases the memory of gradients that no optimizer's `update` will consume. Using them, or a tensor from `get`,
   * afterwards is an error. A second call does nothing.
   */
  dispose(): void {
    this.#release('gradients');
  }

  /** Called by `using`; the same as `dispose()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #release(reason: 'update' | 'gradients'): void {
    this.#end ??= reason;
    for (const { storage, tensor } of this.#found.values()) {
      if (tensor === undefined) {
        storage.release();
      } else {
        leaseOf(tensor).end(reason);
      }
    }
    this.#found.clear();
  }

  /** @internal */
  requireUnconsumed(): void {
    if (this.#end !== undefined) throw endOfLease(this.#end);
  }
}

/** Throws if a user has disposed of the tensor. */
function valuesOf({ storage, tensor }: GradientEntry): Storage {
  return tensor === undefined ? storage : storageOf(tensor);
}

function scale(found: GradientEntry, factor: number): void {
  const { values } = valuesOf(found);
  const target = ownValues(found);
  // The product in float64, rounded once, is the same on every backend.
  for (let i = 0; i < values.length; i++) target[i] = values[i] * factor;
}

/**
 * Where to write new values of a gradient: in place, unless another gradient shares the storage: y = p.add(q) passes the
 * same dy to both.
 */
function ownValues(found: GradientEntry): Float32Array {
  const { values } = valuesOf(found);
  if (found.storage.unshared) return values;
  const own = Storage.take(values.length);
  // A tensor that a user already holds keeps the shared values.
  if (found.tensor === undefined) found.storage.release();
  found.storage = own;
  found.tensor = undefined;
  return own.values;
}
