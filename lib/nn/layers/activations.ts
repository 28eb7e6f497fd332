import type { JsonReader } from '../../json/json-reader.js';
import { requireFinite } from '../../validation/errors.js';
import { requireTensor } from '../../ops/operand.js';
import { softmax } from '../../ops/softmax.js';
import * as unary from '../../ops/unary.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { NoParameters } from './no-parameters.js';
import type { KeepsShape, shapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

// The activations of dfdx 0.10, and GeLU and LeakyReLU of its later versions. Each takes any shape, with a
// tape or without, and keeps both.

/** 1 / (1 + exp(-x)) of each element, accurate for x of any size. */
export class Sigmoid extends NoParameters<'Sigmoid'> {
  /** @internal */
  static readonly type = 'Sigmoid';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.sigmoid(x);
  }
}

/** The hyperbolic tangent of each element. */
export class Tanh extends NoParameters<'Tanh'> {
  /** @internal */
  static readonly type = 'Tanh';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.tanh(x);
  }
}

/**
 * x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) of each element: the approximation by Hendrycks and
 * Gimpel (2016) of x times the normal distribution function, as in dfdx and PyTorch's
 * `GELU(approximate='tanh')`.
 */
export class GeLU extends NoParameters<'GeLU'> {
  /** @internal */
  static readonly type = 'GeLU';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.gelu(x);
  }
}

/** x / (1 + exp(-x)), as PyTorch's `SiLU`; also known as Swish (Elfwing, Uchibe and Doya, 2018). */
export class SiLU extends NoParameters<'SiLU'> {
  /** @internal */
  static readonly type = 'SiLU';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.silu(x);
  }
}

/** The sine of each element, in radians. */
export class Sin extends NoParameters<'Sin'> {
  /** @internal */
  static readonly type = 'Sin';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.sin(x);
  }
}

/** The cosine of each element, in radians. */
export class Cos extends NoParameters<'Cos'> {
  /** @internal */
  static readonly type = 'Cos';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.cos(x);
  }
}

/** The natural logarithm of each element. */
export class Ln extends NoParameters<'Ln'> {
  /** @internal */
  static readonly type = 'Ln';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.log(x);
  }
}

/** e to the power of each element. */
export class Exp extends NoParameters<'Exp'> {
  /** @internal */
  static readonly type = 'Exp';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.exp(x);
  }
}

/** The square of each element. */
export class Square extends NoParameters<'Square'> {
  /** @internal */
  static readonly type = 'Square';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.square(x);
  }
}

/** The square root of each element. */
export class Sqrt extends NoParameters<'Sqrt'> {
  /** @internal */
  static readonly type = 'Sqrt';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.sqrt(x);
  }
}

/** The absolute value of each element; the gradient at 0 is 0. */
export class Abs extends NoParameters<'Abs'> {
  /** @internal */
  static readonly type = 'Abs';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.abs(x);
  }
}

/**
 * exp(x) / sum(exp(x)) over the last axis; 1 for a scalar. For training, pass the logits to
 * `crossEntropyWithLogitsLoss` instead.
 */
export class Softmax extends NoParameters<'Softmax'> {
  /** @internal */
  static readonly type = 'Softmax';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /**
   * The probabilities along the last axis.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return softmax(x);
  }
}

/** x if it is positive, else slope * x, for each element; the gradient at 0 is the slope. */
export class LeakyReLU extends NoParameters<'LeakyReLU'> {
  /** @internal */
  static readonly type = 'LeakyReLU';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: KeepsShape;

  /** Factor of negative values. */
  readonly slope: number;

  /** @internal */
  static override read(reader: JsonReader): LeakyReLU {
    return new LeakyReLU(requireFinite(reader.place('slope'), reader.field('slope')));
  }

  /**
   * @param slope Factor of negative values. Default 0.05, as in dfdx; PyTorch's default is 0.01.
   * @throws TypeError or RangeError unless the slope is a finite number.
   */
  constructor(slope = 0.05) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    this.slope = requireFinite('slope', slope);
  }

  /**
   * Applies the function to each element.
   * @param x Any shape, with or without a tape.
   */
  forward<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
    requireTensor('x', x);
    return unary.leakyRelu(x, this.slope);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { slope: this.slope } };
  }
}
