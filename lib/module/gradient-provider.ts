import { requireTensor } from '../ops/operand.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Supplies the update of each parameter. dfdx's trait of the same name. */
export interface GradientProvider {
  /** The tensor to subtract from `parameter`, of its shape; undefined if it has no gradient. */
  gradient<S extends Shape>(parameter: Tensor<S>): Tensor<S> | undefined;
  /** Optional, used instead of `gradient`: updates the parameter in place in one pass over memory and returns whether
   * it had a gradient. */
  step?(parameter: Tensor<Shape>): boolean;
}

/** The parameters that had no gradient in an update. */
export class UnusedTensors {
  static {
    guardMethods(this);
  }

  readonly #tensors: Tensor<Shape>[] = [];

  /** An empty list. @throws TypeError for an argument. */
  constructor() {
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
  }

  /** Adds a parameter that had no gradient. */
  add(parameter: Tensor<Shape>): void {
    this.#tensors.push(requireTensor('parameter', parameter) as Tensor<Shape>);
  }

  /** In the order in which they were added. */
  get tensors(): readonly Tensor<Shape>[] {
    return this.#tensors;
  }

  /** Whether every parameter had a gradient. */
  get isEmpty(): boolean {
    return this.#tensors.length === 0;
  }
}
