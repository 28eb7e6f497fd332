import { requireReader, requireWriter } from '../../io/npz/archive-arguments.js';
import { NpzModule } from '../../io/npz/npz-module.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import { add } from '../../ops/arithmetic.js';
import { requireShape, requireTensor } from '../../ops/operand.js';
import type { GradientProvider, UnusedTensors } from '../../optim/gradient-provider.js';
import type { SameShape, Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import { isTensor, type RandomSource, type ShapeOf, type Tensor } from '../../core/tensor.js';
import { requireRandomSource } from '../../core/random-source.js';
import type { SameShapeAs, ModeInput } from '../input.js';
import type { InputShapes, Layer, ResultShape, ShapeProblem, shapeRule, ShapeRule } from '../shape-rule.js';
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

/** The problem that shape S is for Residual<F>, or never. */
type ResidualProblem<F, S> =
  ShapeProblem<F, S> extends never
    ? SameShape<S, ResultShape<F, S>> extends true
      ? never
      : 'Expected a layer that keeps the shape inside Residual'
    : ShapeProblem<F, S>;

/** A shape that F takes and keeps. */
interface ResidualRule<F> extends ShapeRule {
  readonly accepts: InputShapes<F>;
  readonly output: this['input'];
  readonly problem: ResidualProblem<F, this['input']>;
}

type Input<X, F extends Layer, Wanted extends Tape> = ModeInput<X, Wanted, ResidualProblem<F, ShapeOf<X>>>;

/** f(x) + x, as dfdx's `Residual<F>` (He et al., 2016). */
export class Residual<F extends Layer> extends NpzModule implements CanUpdateWithGradients {
  /** @internal */
  static readonly type = 'Residual';

  static {
    guardMethods(this);
  }

  /** What x is added to the result of; keeps the shape. Its tensors are named `0.…`. */
  readonly f: F;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ResidualRule<F>;

  /** @throws TypeError for what has neither forward() nor forwardMut(). */
  constructor(f: F) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    asPart('f', f);
    this.f = f;
    registerReluJoin(this, {
      can: (adding) =>
        !adding &&
        this.forward === Residual.prototype.forward &&
        this.forwardMut === Residual.prototype.forwardMut &&
        reluJoinOf(f, true) !== undefined,
      infer: (x) => {
        const input = requireUntaped('x', x);
        return runPart(this, '0', f, () =>
          reluJoinOf(f, true)?.infer(input, (value) => runOwn(this, () => summand(value, input))),
        );
      },
      train: (x) => {
        const input = requireTaped('x', x);
        return runPart(this, '0', f, () =>
          reluJoinOf(f, true)?.train(input, (value) => runOwn(this, () => summand(value, input))),
        );
      },
    });
  }

  /**
   * Inference.
   * @throws TypeError for a tensor with a tape; RangeError where f changes the shape; what f throws.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, NoneTape>): SameShapeAs<X, NoneTape> {
    const input = requireUntaped('x', x);
    const value = runPart(this, '0', this.f, () => infer(this.f, input));
    const y = sum(value, input);
    if (value !== input && isTensor(value)) value.dispose();
    return y as SameShapeAs<X, NoneTape>;
  }

  /**
   * Training.
   * @throws TypeError for a tensor without a tape; RangeError where f changes the shape; what f throws.
   * No running statistic has changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, F, OwnedTape>): SameShapeAs<X, OwnedTape> {
    const input = requireTaped('x', x);
    const restore = keepStatistics(this);
    try {
      const value = runPart(this, '0', this.f, () => train(this.f, input));
      return sum(value, input) as SameShapeAs<X, OwnedTape>;
    } catch (error) {
      restore();
      throw error;
    }
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { parts: { f: this.f } };
  }

  parameters(): readonly NamedTensor[] {
    return namedTensors('0', this.f);
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    updatePart(this, '0', this.f, provider, unused);
  }

  /** Resets f in place. */
  resetParams(rng: RandomSource): void {
    requireRandomSource('rng', rng);
    resetPart(this, '0', this.f, rng);
  }

  /**
   * A copy with a copy of f.
   * @throws TypeError where f is a module of yours without clone().
   */
  clone(): Residual<F> {
    return sharingCopies(() => new Residual(clonePart(this, '0', this.f) as F));
  }

  /** f behind `.0`, as dfdx's `Residual` does: behind the prefix `2.`, f has `2..0`. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    writePart(this, '0', this.f, zip, `${prefix}.0`);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(() => readPart(this, '0', this.f, zip, `${prefix}.0`));
  }
}

function sum(value: unknown, input: Tensor<Shape, Tape>): Tensor<Shape, Tape> {
  const result = requireTensor('the result of f', value);
  return add(result, summand(result, input));
}

/** What is added to the result of f. */
function summand<T extends Tape>(result: Tensor<Shape, Tape>, input: Tensor<Shape, T>): Tensor<Shape, T> {
  requireShape('the result of f', result, input.shape);
  return input;
}
