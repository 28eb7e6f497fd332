// The methods of Tensor that compute. Operations know core/ and core/ knows no operations, so these methods are declared
// and added here, above both. Whatever lets a user have a tensor imports this module, and package.json names it under
// `sideEffects`.
import type { ShapeOf, TapeOf } from './core/tensor.js';
import { Tensor } from './core/tensor.js';
import type { Shape } from './core/shape.js';
import type { MergedTape, NoneTape, Tape } from './core/tape.js';
import * as arithmetic from './ops/arithmetic.js';
import type { ArithmeticResult, ComparisonResult, RightOperand } from './ops/broadcast-types.js';
import { clamp, type ClampOptions } from './ops/clamp.js';
import * as comparisons from './ops/comparisons.js';
import { extremum, extremumIndex } from './ops/extrema.js';
import { logSoftmax } from './ops/log-softmax.js';
import { matmul } from './ops/matmul.js';
import type { LogSoftmaxInput, MatmulOperands, MatmulShape } from './ops/operand-types.js';
import type { PermutedShape, ReshapedShape, SameRank, TransposedShape, WithSize } from './ops/axis-types.js';
import { permute, transpose } from './ops/permute.js';
import { mean, sum } from './ops/reductions.js';
import { pow } from './ops/pow.js';
import type { ArgmaxOptions, Axes, ReducedShape, ReductionOptions } from './ops/reduction-types.js';
import { reshape } from './ops/reshape.js';
import { slice, type SliceOptions } from './ops/slice.js';
import { softmax } from './ops/softmax.js';
import { type UnaryMethods, unaryMethods } from './ops/unary.js';
import { defineMethods } from './validation/guard-methods.js';

export * from './core/tensor.js';

/** A tensor with or without a tape, as operations accept and return it. */
type AnyTensor = Tensor<Shape, Tape>;

declare module './core/tensor.js' {
  // Methods whose operands must fit the shape take it from `this` and not from S: conditions on S in a parameter would
  // keep a Tensor<[3]> from being used as a Tensor<[number]>.
  interface Tensor<out S extends Shape, out T extends Tape = NoneTape> extends UnaryMethods<S, T> {
    /**
     * Element-wise sum with a number or a tensor. Shapes broadcast as in numpy: axes are compared from the last on, and an
     * axis of size 1, or one that is missing, is repeated.
     * @throws RangeError for shapes that do not broadcast.
     */
    add<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** Element-wise difference; the right side as for `add`. */
    sub<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** Element-wise product; the right side as for `add`. */
    mul<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** Element-wise quotient; the right side as for `add`. */
    div<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** Element-wise maximum, NaN if either is NaN; `other` as for `add`. Equal values share the gradient, as in PyTorch. */
    maximum<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** Element-wise minimum, NaN if either is NaN; `other` as for `add`. Equal values share the gradient, as in PyTorch. */
    minimum<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ArithmeticResult<A, X>;

    /** 1 where this value is less than the other, 0 elsewhere, without a tape; `other` as for `add`. */
    less<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /** 1 where this value is at most the other, 0 elsewhere, without a tape; `other` as for `add`. */
    lessEqual<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /** 1 where this value is greater than the other, 0 elsewhere, without a tape; `other` as for `add`. */
    greater<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /** 1 where this value is at least the other, 0 elsewhere, without a tape; `other` as for `add`. */
    greaterEqual<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /** 1 where this value equals the other, 0 elsewhere, without a tape; `other` as for `add`. */
    equal<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /** 1 where this value differs from the other, 0 elsewhere, without a tape; `other` as for `add`. */
    notEqual<A extends Tensor<Shape, Tape>, X extends number | Tensor<Shape, Tape>>(
      this: A,
      other: X & RightOperand<ShapeOf<A>, X>,
    ): ComparisonResult<A, X>;

    /**
     * Values below `min` become `min`, and values above `max` become `max`; their gradient is 0.
     * @throws TypeError or RangeError for a bound that is no number, or `min` above `max`.
     */
    clamp(options: ClampOptions): Tensor<S, T>;

    /**
     * The power x^exponent. `square` and `sqrt` are faster.
     * @throws TypeError or RangeError unless the exponent is a finite number.
     */
    pow(exponent: number): Tensor<S, T>;

    /** exp(x) / sum(exp(x)) over the last axis. */
    softmax(): Tensor<S, T>;

    /** Sum of all values, within 1e-6 of the sum of their magnitudes. */
    sum(): Tensor<readonly [], T>;
    /**
     * Sums over axes, each within 1e-6 of the sum of the magnitudes; the sum of no values is 0. Negative axes count from
     * the end: `x.sum({ axes: -1 })`, `x.sum({ axes: [0, 2], keepDims: true })`.
     * @throws RangeError for an axis that the tensor does not have or that is listed twice.
     */
    sum<
      A extends Tensor<Shape, Tape>,
      const X extends Axes | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options: ReductionOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>, TapeOf<A>>;

    /** Mean of all values; NaN if there are none. */
    mean(): Tensor<readonly [], T>;
    /**
     * Means over axes, as for `sum`; the mean of no values is NaN.
     * @throws RangeError for an axis that the tensor does not have or that is listed twice.
     */
    mean<
      A extends Tensor<Shape, Tape>,
      const X extends Axes | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options: ReductionOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>, TapeOf<A>>;

    /**
     * Largest value; NaN if one is NaN. The gradient is divided equally among the values that equal it, as by PyTorch's
     * `amax`.
     * @throws RangeError if there are no values.
     */
    max(): Tensor<readonly [], T>;
    /**
     * Largest values over axes, as for `sum`; NaN where a value is NaN. Each gradient is divided equally among the values
     * that equal the result.
     * @throws RangeError for an axis that the tensor does not have, that is listed twice or that has no values.
     */
    max<
      A extends Tensor<Shape, Tape>,
      const X extends Axes | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options: ReductionOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>, TapeOf<A>>;

    /**
     * Smallest value; NaN if one is NaN. The gradient is divided equally among the values that equal it, as by PyTorch's
     * `amin`.
     * @throws RangeError if there are no values.
     */
    min(): Tensor<readonly [], T>;
    /**
     * Smallest values over axes, as for `sum`; NaN where a value is NaN. Each gradient is divided equally among the values
     * that equal the result.
     * @throws RangeError for an axis that the tensor does not have, that is listed twice or that has no values.
     */
    min<
      A extends Tensor<Shape, Tape>,
      const X extends Axes | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options: ReductionOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>, TapeOf<A>>;

    /**
     * Index of the first largest value, or of the first NaN, as whole numbers without a tape: along an axis, or among all
     * values in row-major order. Negative axes count from the end: `logits.argmax({ axis: -1 })`.
     * @throws RangeError for an axis that the tensor does not have, that has no values or more than 2^24.
     */
    argmax<
      A extends Tensor<Shape, Tape>,
      const X extends number | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options?: ArgmaxOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>>;

    /**
     * Index of the first smallest value, or of the first NaN, as whole numbers without a tape: along an axis, or among all
     * values in row-major order. Negative axes count from the end: `logits.argmin({ axis: -1 })`.
     * @throws RangeError for an axis that the tensor does not have, that has no values or more than 2^24.
     */
    argmin<
      A extends Tensor<Shape, Tape>,
      const X extends number | undefined = undefined,
      const K extends boolean = false,
    >(
      this: A,
      options?: ArgmaxOptions<X, K>,
    ): Tensor<ReducedShape<ShapeOf<A>, X, K>>;

    /** Matrix product [M, K] x [K, N] = [M, N]. */
    matmul<A extends Tensor<Shape, Tape>, X extends Tensor<Shape, Tape>>(
      this: A,
      other: X & MatmulOperands<ShapeOf<A>, X>,
    ): Tensor<MatmulShape<ShapeOf<A>, ShapeOf<X>>, MergedTape<TapeOf<A>, TapeOf<X>>>;

    /**
     * The same values in another shape, which must hold as many.
     * @param shape The sizes. One may be -1: the size with which the number of values fits.
     * @throws RangeError if the shape holds another number of values.
     */
    reshape<const R extends Shape>(shape: R): Tensor<ReshapedShape<R>, T>;

    /**
     * A copy with the axes in another order: axis i of the result is axis `axes[i]` of this tensor. Negative axes count
     * from the end.
     * @throws RangeError unless `axes` names each axis once.
     */
    permute<A extends Tensor<Shape, Tape>, const X extends readonly number[]>(
      this: A,
      axes: X,
    ): Tensor<PermutedShape<ShapeOf<A>, X>, TapeOf<A>>;

    /** A copy with the last two axes exchanged. @throws RangeError if there are fewer than two. */
    transpose<A extends Tensor<Shape, Tape>>(this: A): Tensor<TransposedShape<ShapeOf<A>>, TapeOf<A>>;
    /**
     * A copy with two axes exchanged. Negative axes count from the end.
     * @throws RangeError for an axis that the tensor does not have.
     */
    transpose<A extends Tensor<Shape, Tape>>(
      this: A,
      axis1: number,
      axis2?: number,
    ): Tensor<SameRank<ShapeOf<A>>, TapeOf<A>>;

    /**
     * A copy of some indices of an axis: from `start` to before `end`, which count from the end if negative and stop
     * at the bounds of the axis, as those of `Array.prototype.slice`.
     * @throws TypeError or RangeError for an axis that the tensor does not have, or an option that is no integer.
     */
    slice<A extends Tensor<Shape, Tape>, const Axis extends number>(
      this: A,
      options: SliceOptions & { readonly axis: Axis },
    ): Tensor<WithSize<ShapeOf<A>, Axis, number>, TapeOf<A>>;

    /** log(softmax) over the last axis of a vector or a matrix. */
    logSoftmax<A extends Tensor<Shape, Tape>>(this: A & LogSoftmaxInput<A>): Tensor<ShapeOf<A>, TapeOf<A>>;
  }
}

const methods = {
  add(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.add(this, other);
  },
  sub(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.sub(this, other);
  },
  mul(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.mul(this, other);
  },
  div(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.div(this, other);
  },
  maximum(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.maximum(this, other);
  },
  minimum(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return arithmetic.minimum(this, other);
  },
  less(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.less(this, other);
  },
  lessEqual(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.lessEqual(this, other);
  },
  greater(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.greater(this, other);
  },
  greaterEqual(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.greaterEqual(this, other);
  },
  equal(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.equal(this, other);
  },
  notEqual(this: AnyTensor, other: number | AnyTensor): AnyTensor {
    return comparisons.notEqual(this, other);
  },
  clamp(this: AnyTensor, options: ClampOptions): AnyTensor {
    return clamp(this, options);
  },
  pow(this: AnyTensor, exponent: number): AnyTensor {
    return pow(this, exponent);
  },
  softmax(this: AnyTensor): AnyTensor {
    return softmax(this);
  },
  sum(this: AnyTensor, options?: object): AnyTensor {
    return sum(this, options);
  },
  mean(this: AnyTensor, options?: object): AnyTensor {
    return mean(this, options);
  },
  max(this: AnyTensor, options?: object): AnyTensor {
    return extremum('max', this, options);
  },
  min(this: AnyTensor, options?: object): AnyTensor {
    return extremum('min', this, options);
  },
  argmax(this: AnyTensor, options?: object): AnyTensor {
    return extremumIndex('max', this, options);
  },
  argmin(this: AnyTensor, options?: object): AnyTensor {
    return extremumIndex('min', this, options);
  },
  matmul(this: AnyTensor, other: AnyTensor): AnyTensor {
    return matmul(this, other);
  },
  reshape(this: AnyTensor, shape: Shape): AnyTensor {
    return reshape(this, shape);
  },
  permute(this: AnyTensor, axes: readonly number[]): AnyTensor {
    return permute(this, axes);
  },
  transpose(this: AnyTensor, axis1?: number, axis2?: number): AnyTensor {
    return transpose(this, axis1, axis2);
  },
  slice(this: AnyTensor, options: SliceOptions): AnyTensor {
    return slice(this, options);
  },
  logSoftmax(this: AnyTensor): AnyTensor {
    return logSoftmax(this);
  },
};

defineMethods(Tensor, { ...unaryMethods, ...methods });
