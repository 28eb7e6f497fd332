import { requireFraction, requireOptions, requirePositiveInteger } from '../../validation/errors.js';
import { dropout } from '../../ops/dropout.js';
import type { Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import type { RandomSource, Tensor } from '../../core/tensor.js';
import type { ModeInput, SameShapeAs } from '../input.js';
import { requireRandomSource } from '../../core/random-source.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { requireTaped, requireUntaped } from '../mode.js';
import { NoParameters } from './no-parameters.js';
import type { KeepsShape, shapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `Dropout` or `DropoutOneIn`. */
export interface DropoutOptions {
  /** Where the randomness comes from: two numbers for each `forwardMut`. Default `Math.random`. */
  readonly rng?: RandomSource;
}

/** Name of the field with the generator. */
const generator = Symbol('generator');

/** What Dropout and DropoutOneIn have in common. */
abstract class RandomDropout<Name extends string> extends NoParameters<Name> {
  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /** Of a value to be dropped, from 0 to 1. */
  abstract readonly p: number;

  /** @internal Not private: a copy is made without the constructor. */
  readonly [generator]: RandomSource;

  constructor(options: DropoutOptions | undefined) {
    super();
    const { rng = Math.random } = requireOptions('options', options, ['rng']);
    this[generator] = requireRandomSource('rng', rng);
  }

  /**
   * Inference: nothing is dropped.
   * @returns x itself.
   * @throws TypeError for a tensor with a tape.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & ModeInput<X, NoneTape, never>): SameShapeAs<X, NoneTape> {
    return requireUntaped('x', x) as SameShapeAs<X, NoneTape>;
  }

  /**
   * Training: 0 with probability p, else x / (1 - p). What is dropped follows from two numbers of the
   * generator, the same on every backend.
   * @throws TypeError for a tensor without a tape; the generator was not asked then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(
    x: X & ModeInput<X, OwnedTape, never>,
  ): SameShapeAs<X, OwnedTape> {
    return dropout(requireTaped('x', x), this.p, this[generator]) as SameShapeAs<X, OwnedTape>;
  }
}

/**
 * Drops values with probability p in training (Hinton et al., 2012), as dfdx's `Dropout`.
 *
 * @example
 * const dropout = new Dropout(0.2, { rng: seeded(1) });
 * dropout.forwardMut(x.trace()); // a fifth of x is 0, the rest x / 0.8
 */
export class Dropout extends RandomDropout<'Dropout'> {
  /** @internal */
  static readonly type = 'Dropout';

  static {
    guardMethods(this);
  }

  readonly p: number;

  /**
   * @param p From 0 to 1. Default 0.5.
   * @throws TypeError or RangeError naming the argument that is wrong.
   */
  constructor(p = 0.5, options?: DropoutOptions) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super(options);
    this.p = requireFraction('p', p);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { p: this.p } };
  }
}

/** Drops one value in N, as dfdx's `DropoutOneIn<N>`: `Dropout` with p = 1 / N. */
export class DropoutOneIn<N extends number> extends RandomDropout<'DropoutOneIn'> {
  /** @internal */
  static readonly type = 'DropoutOneIn';

  static {
    guardMethods(this);
  }

  /** One in so many values is dropped. */
  readonly n: N;

  /**
   * @param n One in so many values is dropped.
   * @throws TypeError or RangeError naming the argument that is wrong.
   */
  constructor(n: N, options?: DropoutOptions) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super(options);
    requirePositiveInteger('n', n);
    this.n = n;
  }

  get p(): number {
    return 1 / this.n;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { n: this.n } };
  }
}
