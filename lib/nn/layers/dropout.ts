import type { JsonReader } from '../../json/json-reader.js';
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
  /** Random generator, called twice in each `forwardMut`. Default `Math.random`. */
  readonly rng?: RandomSource;
}

/** Name of the field with the generator. */
const generator = Symbol('generator');

/** Base class of Dropout and DropoutOneIn. */
abstract class RandomDropout<Name extends string> extends NoParameters<Name> {
  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /** Probability that a value becomes 0, from 0 to 1. */
  abstract readonly p: number;

  /** @internal Not private, because copies are made without the constructor. */
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
   * Training: each value becomes 0 with probability p, else x / (1 - p). Two numbers of the generator
   * determine which, identically on every backend.
   * @throws TypeError for a tensor without a tape; the generator has not been called then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(
    x: X & ModeInput<X, OwnedTape, never>,
  ): SameShapeAs<X, OwnedTape> {
    return dropout(requireTaped('x', x), this.p, this[generator]) as SameShapeAs<X, OwnedTape>;
  }
}

/**
 * Sets values to 0 with probability p in training (Hinton et al., 2012), as dfdx's `Dropout`.
 *
 * @example
 * const dropout = new Dropout(0.2, { rng: seeded(1) });
 * dropout.forwardMut(x.trace()); // a fifth of the values is 0, the others are x / 0.8
 */
export class Dropout extends RandomDropout<'Dropout'> {
  /** @internal */
  static readonly type = 'Dropout';

  static {
    guardMethods(this);
  }

  readonly p: number;

  /** @internal */
  static override read(reader: JsonReader): Dropout {
    return new Dropout(requireFraction(reader.place('p'), reader.field('p')));
  }

  /**
   * @param p Probability from 0 to 1. Default 0.5.
   * @throws TypeError or RangeError naming the wrong argument.
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

/** Sets one value in N to 0 in training, as dfdx's `DropoutOneIn<N>`: `Dropout` with p = 1 / N. */
export class DropoutOneIn<N extends number> extends RandomDropout<'DropoutOneIn'> {
  /** @internal */
  static readonly type = 'DropoutOneIn';

  static {
    guardMethods(this);
  }

  /** The reciprocal of the probability. */
  readonly n: N;

  /** @internal */
  static override read(reader: JsonReader): DropoutOneIn<number> {
    return new DropoutOneIn(reader.integer('n', 1));
  }

  /**
   * @param n The reciprocal of the probability.
   * @throws TypeError or RangeError naming the wrong argument.
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
