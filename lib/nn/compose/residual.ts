import { add } from '../../ops/arithmetic.js';
import { requireShape, requireTensor } from '../../ops/operand.js';
import { leasesStarted } from '../../core/lease.js';
import type { SameShape, Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import type { ShapeOf, Tensor } from '../../core/tensor.js';
import type { SameShapeAs, ModeInput } from '../input.js';
import type { InputShapes, Layer, ResultShape, ShapeProblem, shapeRule, ShapeRule } from '../shape-rule.js';
import { requireTaped, requireUntaped } from '../mode.js';
import { BaseModule } from '../base-module.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { keyOfField, npzPrefix } from '../members.js';
import { canFuse, fusable, fusedForward, fusedForwardMut, notePasses } from './fusion.js';
import { releaseIntermediate, trainWhole } from './intermediates.js';
import { asPart, infer, runOwn, runPart, train } from './part.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** The problem with shape S for Residual<F>, or never. */
type ResidualProblem<F, S> =
  ShapeProblem<F, S> extends never
    ? SameShape<S, ResultShape<F, S>> extends true
      ? never
      : 'Expected a layer that keeps the shape inside Residual'
    : ShapeProblem<F, S>;

/** The shapes that F accepts and keeps. */
interface ResidualRule<F> extends ShapeRule {
  readonly accepts: InputShapes<F>;
  readonly output: this['input'];
  readonly problem: ResidualProblem<F, this['input']>;
}

type Input<X, F extends Layer, Wanted extends Tape> = ModeInput<X, Wanted, ResidualProblem<F, ShapeOf<X>>>;

/** f(x) + x, as dfdx's `Residual<F>` (He et al., 2016). */
export class Residual<F extends Layer> extends BaseModule {
  /** @internal */
  static readonly type = 'Residual';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** The layer to whose result x is added; keeps the shape. Its tensors are named `0.…`. */
  readonly f: F;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ResidualRule<F>;

  /** @throws TypeError for a layer with neither forward() nor forwardMut(). */
  constructor(f: F) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    asPart('f', f);
    this.f = f;
  }

  /**
   * Inference.
   * @throws TypeError for a tensor with a tape; RangeError if f changes the shape; errors of f.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, NoneTape>): SameShapeAs<X, NoneTape> {
    const input = requireUntaped('x', x);
    const since = leasesStarted();
    const value = runPart(this, '0', this.f, () => infer(this.f, input));
    try {
      return sum(value, input) as SameShapeAs<X, NoneTape>;
    } finally {
      releaseIntermediate(value, input, since);
    }
  }

  /**
   * Training.
   * @throws TypeError for a tensor without a tape; RangeError if f changes the shape; errors of f. No running
   * statistics have changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, OwnedTape>): SameShapeAs<X, OwnedTape> {
    const input = requireTaped('x', x);
    return trainWhole(this, [input], () => {
      const value = runPart(this, '0', this.f, () => train(this.f, input));
      return sum(value, input) as SameShapeAs<X, OwnedTape>;
    });
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { isComposition: true };
  }

  /** @internal f is named `0`, as in dfdx. */
  override [keyOfField](field: string): string {
    return field === 'f' ? '0' : super[keyOfField](field);
  }

  /** @internal The names of f begin with `.0`, as in dfdx: under the prefix `2.`, with `2..0`. */
  override [npzPrefix](key: string): string {
    return key === '0' ? '.0' : super[npzPrefix](key);
  }

  /** @internal */
  [canFuse](adding: boolean): boolean {
    return !adding && fusable(this.f, true) !== undefined;
  }

  /** @internal */
  [fusedForward](x: unknown): unknown {
    const input = requireUntaped('x', x);
    return runPart(this, '0', this.f, () =>
      fusable(this.f, true)?.[fusedForward](input, (value) =>
        runOwn(this, () => requireSameShape(value, input)),
      ),
    );
  }

  /** @internal */
  [fusedForwardMut](x: unknown): unknown {
    const input = requireTaped('x', x);
    return runPart(this, '0', this.f, () =>
      fusable(this.f, true)?.[fusedForwardMut](input, (value) =>
        runOwn(this, () => requireSameShape(value, input)),
      ),
    );
  }
}

function sum(value: unknown, input: Tensor<Shape, Tape>): Tensor<Shape, Tape> {
  const result = requireTensor('the result of f', value);
  return add(result, requireSameShape(result, input));
}

/** Checks the result of f and returns the input, which is added to it. */
function requireSameShape<T extends Tape>(
  result: Tensor<Shape, Tape>,
  input: Tensor<Shape, T>,
): Tensor<Shape, T> {
  requireShape('the result of f', result, input.shape);
  return input;
}
