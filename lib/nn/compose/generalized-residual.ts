import { NpzModule } from '../../io/npz/npz-module.js';
import { requireReader, requireWriter } from '../../io/npz/archive-arguments.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import { add } from '../../ops/arithmetic.js';
import { requireTensor } from '../../ops/operand.js';
import type { GradientProvider, UnusedTensors } from '../../optim/gradient-provider.js';
import { formatShape, type HasUnknownRank, type SameShape, sameShape, type Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import { isTensor, type RandomSource, type ShapeOf, type Tensor } from '../../core/tensor.js';
import { requireRandomSource } from '../../core/random-source.js';
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
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { requireTaped, requireUntaped } from '../mode.js';
import type { CanUpdateWithGradients, NamedTensor } from '../module.js';
import {
  asPart,
  clonePart,
  infer,
  namedTensors,
  readPart,
  sharingCopies,
  train,
  writePart,
  updatePart,
  resetPart,
  runPart,
  runOwn,
} from './part.js';
import { registerReluJoin, reluJoinOf } from './relu-join.js';
import { keepStatistics } from '../norm/running-statistics.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** The shape of the sum of what two layers make of shape S: known where one of theirs is. */
type SumShape<F, R, S> =
  HasUnknownRank<ResultShape<F, S>> extends true ? ResultShape<R, S> : ResultShape<F, S>;

/** The problem that shape S is for GeneralizedResidual<F, R>, or never. */
type GeneralizedResidualProblem<F, R, S> =
  ShapeProblem<F, S> extends never
    ? ShapeProblem<R, S> extends never
      ? SameShape<ResultShape<F, S>, ResultShape<R, S>> extends true
        ? never
        : 'Expected layers that make the same shape inside GeneralizedResidual'
      : ShapeProblem<R, S>
    : ShapeProblem<F, S>;

/** A shape that F and R take, and of which they make the same shape. */
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
export class GeneralizedResidual<F extends Layer, R extends Layer>
  extends NpzModule
  implements CanUpdateWithGradients
{
  /** @internal */
  static readonly type = 'GeneralizedResidual';

  static {
    guardMethods(this);
  }

  /** The one way; its tensors are named `f.…`. */
  readonly f: F;
  /** The other way; its tensors are named `r.…`. */
  readonly r: R;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: GeneralizedResidualRule<F, R>;

  /** @throws TypeError for what has neither forward() nor forwardMut(). */
  constructor(f: F, r: R) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super();
    asPart('f', f);
    asPart('r', r);
    this.f = f;
    this.r = r;
    registerReluJoin(this, {
      can: (adding) =>
        !adding &&
        this.forward === GeneralizedResidual.prototype.forward &&
        this.forwardMut === GeneralizedResidual.prototype.forwardMut &&
        reluJoinOf(f, true) !== undefined,
      infer: (x) => {
        const input = requireUntaped('x', x);
        let right: unknown;
        const y = runPart(this, 'f', f, () =>
          reluJoinOf(f, true)?.infer(input, (left) =>
            runOwn(this, () => {
              right = runPart(this, 'r', r, () => infer(r, input));
              return summand(left, right) as Tensor<Shape>;
            }),
          ),
        );
        if (right !== input && isTensor(right)) right.dispose();
        return y;
      },
      train: (x) => {
        const input = requireTaped('x', x);
        return runPart(this, 'f', f, () =>
          reluJoinOf(f, true)?.train(input, (left) =>
            runOwn(this, () =>
              summand(
                left,
                runPart(this, 'r', r, () => train(r, input)),
              ),
            ),
          ),
        );
      },
    });
  }

  /**
   * Inference.
   * @throws TypeError for a tensor with a tape; RangeError where f and r make different shapes; what they
   * throw.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, R, NoneTape>): Output<X, F, R, NoneTape> {
    const input = requireUntaped('x', x);
    const left = runPart(this, 'f', this.f, () => infer(this.f, input));
    const right = runPart(this, 'r', this.r, () => infer(this.r, input));
    const y = sum(left, right);
    for (const part of new Set([left, right])) {
      if (part !== input && isTensor(part)) part.dispose();
    }
    return y as Output<X, F, R, NoneTape>;
  }

  /**
   * Training: f first, then r.
   * @throws TypeError for a tensor without a tape; RangeError where f and r make different shapes; what they
   * throw. No running statistic has changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, R, OwnedTape>): Output<X, F, R, OwnedTape> {
    const input = requireTaped('x', x);
    const restore = keepStatistics(this);
    try {
      const left = runPart(this, 'f', this.f, () => train(this.f, input));
      const right = runPart(this, 'r', this.r, () => train(this.r, input));
      return sum(left, right) as Output<X, F, R, OwnedTape>;
    } catch (error) {
      restore();
      throw error;
    }
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { parts: { f: this.f, r: this.r } };
  }

  parameters(): readonly NamedTensor[] {
    return [...namedTensors('f', this.f), ...namedTensors('r', this.r)];
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    updatePart(this, 'f', this.f, provider, unused);
    updatePart(this, 'r', this.r, provider, unused);
  }

  /** Resets f, then r, in place. */
  resetParams(rng: RandomSource): void {
    requireRandomSource('rng', rng);
    resetPart(this, 'f', this.f, rng);
    resetPart(this, 'r', this.r, rng);
  }

  /**
   * A copy with copies of f and r.
   * @throws TypeError where one is a module of yours without clone().
   */
  clone(): GeneralizedResidual<F, R> {
    return sharingCopies(
      () => new GeneralizedResidual(clonePart(this, 'f', this.f) as F, clonePart(this, 'r', this.r) as R),
    );
  }

  /** f behind `.f` and r behind `.r`, as dfdx has them: behind the prefix `2.`, f has `2..f`. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    writePart(this, 'f', this.f, zip, `${prefix}.f`);
    writePart(this, 'r', this.r, zip, `${prefix}.r`);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(async () => {
      await readPart(this, 'f', this.f, zip, `${prefix}.f`);
      await readPart(this, 'r', this.r, zip, `${prefix}.r`);
    });
  }
}

function sum(left: unknown, right: unknown): Tensor<Shape, Tape> {
  const a = requireTensor('the result of f', left);
  return add(a, summand(a, right));
}

/** What is added to the result of f. */
function summand(a: Tensor<Shape, Tape>, right: unknown): Tensor<Shape, Tape> {
  const b = requireTensor('the result of r', right);
  if (!sameShape(a.shape, b.shape)) {
    throw wrongShape(
      'the result of r',
      `shape ${formatShape(a.shape)}, as f makes,`,
      `shape ${formatShape(b.shape)}`,
    );
  }
  return b;
}
