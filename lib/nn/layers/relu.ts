import { requireTensor } from '../../ops/operand.js';
import { relu } from '../../ops/unary.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';
import { notePasses, runsAsDefined } from '../compose/fusion.js';
import { NoParameters } from './no-parameters.js';
import type { KeepsShape, shapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Whether a layer computes max(x, 0) and nothing else. */
export function isReLU(layer: unknown): boolean {
  return layer instanceof ReLU && runsAsDefined(layer);
}

/** max(x, 0) of each element; the gradient at 0 is 0. */
export class ReLU extends NoParameters<'ReLU'> {
  /** @internal */
  static readonly type = 'ReLU';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * max(x, 0) of each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return relu(x);
  }
}
