import type { Shape } from '../../core/shape.js';
import type { NoneTape, Tape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';

// How compositions find what runs in one pass over memory: a layer that can take the ReLU behind it, and
// maybe a sum before that, says so here, and Sequential and Residual ask.

/**
 * What is added between the layer and the ReLU, asked for once all that comes before the layer has run.
 * @param like Of the shape of the layer's result.
 * @throws RangeError where what is to be added has another one.
 */
export type Addend<T extends Tape> = (like: Tensor<Shape, Tape>) => Tensor<Shape, T>;

/** What a layer computes together with what follows it. The results have the bits of the separate layers. */
export interface ReluJoin {
  /** Whether it can, with a sum in between where `adding`. A method that was replaced is called, and then
   * nothing is joined to it. */
  readonly can: (adding: boolean) => boolean;
  /** relu(layer.forward(x) + addend) */
  readonly infer: (x: unknown, addend: Addend<NoneTape> | undefined) => unknown;
  /** relu(layer.forwardMut(x) + addend) */
  readonly train: (x: unknown, addend: Addend<Tape> | undefined) => unknown;
}

const joins = new WeakMap<object, ReluJoin>();

export function registerReluJoin(layer: object, join: ReluJoin): void {
  joins.set(layer, join);
}

/** The join of a layer that can, else undefined. */
export function reluJoinOf(layer: unknown, adding: boolean): ReluJoin | undefined {
  const join = joins.get(layer as object);
  return join?.can(adding) === true ? join : undefined;
}
