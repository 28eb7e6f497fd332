import { wrongType } from '../errors.js';
import { backend } from '../backend/index.js';
import { endOfLease } from '../tensor/lease.js';
import type { Shape } from '../tensor/shape.js';
import { Storage } from '../tensor/storage.js';
import { createTensor, isTensor, leaseOf, type Tensor } from '../tensor/tensor.js';
import type { NoneTape, Tape } from '../tensor/tape.js';
import type { Node } from './graph.js';

/** Adds a gradient to the one found so far; takes over both and returns the hold on the sum. */
export function accumulate(earlier: Storage | undefined, gradient: Storage): Storage {
  if (earlier === undefined) return gradient;
  const n = earlier.values.length;
  // In place only where nobody else reads the values: y = x.add(x) hands the same dy on twice.
  const target = earlier.unshared ? earlier.retain() : Storage.take(n);
  backend.add(1, n, n, earlier.values, gradient.values, target.values);
  earlier.release();
  gradient.release();
  return target;
}

/** Adds a gradient of the node; takes over one hold on it. For `backward` only. */
export let addGradient: (gradients: Gradients, node: Node, gradient: Storage) => void;

/** Gives all gradients back to the pool. For optimizers only. */
export let consumeGradients: (gradients: Gradients) => void;

/** What `backward` found: the gradient of the loss by every tensor that the graph began with. */
export class Gradients {
  readonly #tensors = new Map<number, Tensor<Shape>>();
  #consumed = false;

  static {
    addGradient = (gradients, { id, shape }, gradient) => {
      const earlier = gradients.#tensors.get(id);
      if (earlier === undefined) {
        gradients.#tensors.set(id, createTensor<Shape, NoneTape>(shape, gradient, undefined));
        return;
      }
      const { values } = leaseOf(earlier).storage;
      backend.add(1, values.length, values.length, values, gradient.values, values);
      gradient.release();
    };
    consumeGradients = (gradients) => {
      gradients.#consumed = true;
      for (const tensor of gradients.#tensors.values()) leaseOf(tensor).end('update');
      gradients.#tensors.clear();
    };
  }

  /**
   * The gradient by `tensor`, or undefined where the loss does not depend on it. Tensors that the graph
   * computed have none: their memory is given back on the way.
   * @throws TypeError after an optimizer's `update` has consumed the gradients.
   */
  get<S extends Shape>(tensor: Tensor<S, Tape>): Tensor<S> | undefined {
    if (!isTensor(tensor)) throw wrongType('tensor', 'a Tensor', tensor);
    this.requireUnconsumed();
    return this.#tensors.get(tensor.id) as Tensor<S> | undefined;
  }

  /** @internal */
  requireUnconsumed(): void {
    if (this.#consumed) throw new TypeError(endOfLease.update);
  }
}
