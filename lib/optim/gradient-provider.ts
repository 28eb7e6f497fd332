import { requireTensor } from '../ops/operand.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Where a module gets from what is to be subtracted from its parameters. */
export interface GradientProvider {
  /** What to subtract from `parameter`, in its shape; undefined where there is no gradient for it. */
  gradient<S extends Shape>(parameter: Tensor<S>): Tensor<S> | undefined;
  /** Instead of `gradient`, for providers that can: takes the step in place, in one pass over the
   * parameter, and says whether there was a gradient. */
  step?(parameter: Tensor<Shape>): boolean;
}

/** Collects the parameters that had no gradient. */
export class UnusedTensors {
  static {
    guardMethods(this);
  }

  readonly #tensors: Tensor<Shape>[] = [];

  /** A list without parameters. @throws TypeError for an argument. */
  constructor() {
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
  }

  /** Notes a parameter that had no gradient. */
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
