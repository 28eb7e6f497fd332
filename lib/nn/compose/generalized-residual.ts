import { add } from '../../ops/arithmetic.js';
import { requireTensor } from '../../ops/operand.js';
import { formatShape, type HasUnknownRank, type SameShape, sameShape, type Shape } from '../../core/shape.js';
import { leasesStarted } from '../../core/lease.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import type { ShapeOf, Tensor } from '../../core/tensor.js';
import { wrongShape } from '../../validation/errors.js';
import type { ModeInput } from '../input.js';
import type {
  Accepted,
  AsShape,
  InputShapes,
  Layer,
  ResultShape,
  ShapeProblem,
  shapeRule,
  ShapeRule,
} from '../shape-rule.js';
import { requireTaped, requireUntaped } from '../mode.js';
import { BaseModule } from '../base-module.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { npzPrefix } from '../members.js';
import { canFuse, fusable, fusedForward, fusedForwardMut, notePasses } from './fusion.js';
import { releaseIntermediate, trainWhole } from './intermediates.js';
import { asPart, infer, runOwn, runPart, train } from './part.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** The shape of the sum of two layers' results for shape S: known if that of one of them is. */
type SumShape<F, R, S> =
  HasUnknownRank<ResultShape<F, S>> extends true ? ResultShape<R, S> : ResultShape<F, S>;

/** The problem with shape S for GeneralizedResidual<F, R>, or never. */
type GeneralizedResidualProblem<F, R, S> =
  ShapeProblem<F, S> extends never
    ? ShapeProblem<R, S> extends never
      ? SameShape<ResultShape<F, S>, ResultShape<R, S>> extends true
        ? never
        : 'Expected layers with results of the same shape inside GeneralizedResidual'
      : ShapeProblem<R, S>
    : ShapeProblem<F, S>;

/** The shapes that F and R accept and turn into the same shape. */
interface GeneralizedResidualRule<F, R> extends ShapeRule {
  readonly accepts: Accepted<R, InputShapes<F>>;
  readonly output: SumShape<F, R, this['input']>;
  readonly problem: GeneralizedResidualProblem<F, R, this['input']>;
}

type Input<X, F extends Layer, R extends Layer, Wanted extends Tape> = ModeInput<
  X,
  Wanted,
  GeneralizedResidualProblem<F, R, ShapeOf<X>>
>;

type Output<X, F extends Layer, R extends Layer, T extends Tape> =
  X extends Tensor<infer S, Tape> ? Tensor<AsShape<SumShape<F, R, S>>, T> : never;

/**
 * f(x) + r(x), as dfdx's `GeneralizedResidual<F, R>` (He et al., 2016): a residual block that changes the
 * shape.
 *
 * @example
 * const block = new GeneralizedResidual(new Sequential(new Linear(4, 8), new ReLU()), new Linear(4, 8));
 */
export class GeneralizedResidual<F extends Layer, R extends Layer> extends BaseModule {
  /** @internal */
  static readonly type = 'GeneralizedResidual';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** The main branch; its tensors are named `f.…`. */
  readonly f: F;
  /** The shortcut; its tensors are named `r.…`. */
  readonly r: R;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: GeneralizedResidualRule<F, R>;

  /** @throws TypeError for a layer with neither forward() nor forwardMut(). */
  constructor(f: F, r: R) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super();
    asPart('f', f);
    asPart('r', r);
    this.f = f;
    this.r = r;
  }

  /**
   * Inference.
   * @throws TypeError for a tensor with a tape; RangeError if the results of f and r differ in shape; errors
   * of f and r.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, R, NoneTape>): Output<X, F, R, NoneTape> {
    const input = requireUntaped('x', x);
    const since = leasesStarted();
    let left: unknown;
    let right: unknown;
    try {
      left = runPart(this, 'f', this.f, () => infer(this.f, input));
      right = runPart(this, 'r', this.r, () => infer(this.r, input));
      return sum(left, right) as Output<X, F, R, NoneTape>;
    } finally {
      releaseIntermediate(left, input, since);
      releaseIntermediate(right, input, since);
    }
  }

  /**
   * Training: runs f, then r.
   * @throws TypeError for a tensor without a tape; RangeError if the results of f and r differ in shape;
   * errors of f and r. No running statistics have changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, R, OwnedTape>): Output<X, F, R, OwnedTape> {
    const input = requireTaped('x', x);
    return trainWhole(this, [input], () => {
      const left = runPart(this, 'f', this.f, () => train(this.f, input));
      const right = runPart(this, 'r', this.r, () => train(this.r, input));
      return sum(left, right) as Output<X, F, R, OwnedTape>;
    });
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { isComposition: true };
  }

  /**
   * @internal The names of f and r begin with `.f` and `.r`, as in dfdx: under the prefix `2.`, those of f
   * begin with `2..f`.
   */
  override [npzPrefix](key: string): string {
    return key === 'f' || key === 'r' ? `.${key}` : super[npzPrefix](key);
  }

  /** @internal */
  [canFuse](adding: boolean): boolean {
    return !adding && fusable(this.f, true) !== undefined;
  }

  /** @internal */
  [fusedForward](x: unknown): unknown {
    const input = requireUntaped('x', x);
    const since = leasesStarted();
    let right: unknown;
    try {
      return runPart(this, 'f', this.f, () =>
        fusable(this.f, true)?.[fusedForward](input, (left) =>
          runOwn(this, () => {
            right = runPart(this, 'r', this.r, () => infer(this.r, input));
            return requireSameShape(left, right) as Tensor<Shape>;
          }),
        ),
      );
    } finally {
      releaseIntermediate(right, input, since);
    }
  }

  /** @internal */
  [fusedForwardMut](x: unknown): unknown {
    const input = requireTaped('x', x);
    const other = (left: Tensor<Shape, Tape>) =>
      runOwn(this, () =>
        requireSameShape(
          left,
          runPart(this, 'r', this.r, () => train(this.r, input)),
        ),
      );
    return runPart(this, 'f', this.f, () => fusable(this.f, true)?.[fusedForwardMut](input, other));
  }
}

function sum(left: unknown, right: unknown): Tensor<Shape, Tape> {
  const a = requireTensor('the result of f', left);
  return add(a, requireSameShape(a, right));
}

/** Checks the result of r, which is added to the result of f. */
function requireSameShape(a: Tensor<Shape, Tape>, right: unknown): Tensor<Shape, Tape> {
  const b = requireTensor('the result of r', right);
  if (!sameShape(a.shape, b.shape)) {
    throw wrongShape(
      'the result of r',
      `shape ${formatShape(a.shape)}, as the result of f,`,
      `shape ${formatShape(b.shape)}`,
    );
  }
  return b;
}
