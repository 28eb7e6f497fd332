import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { JsonReader } from '../../json/json-reader.js';
import { type AnyTensor, requireTensor } from '../../ops/operand.js';
import { avgPool, maxPool, type Windows } from '../../ops/pool.js';
import { orDefault, requireBoolean, requireOptions } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import type { shapeRule, ShapeRule, SignalShapes } from '../shape-rule.js';
import { Pool } from './pool.js';
import type { AvgPoolOptions, MaxPoolOptions } from './pool-2d.js';
import {
  averagingOptions,
  readSignalWindows,
  signalWindows,
  windowsFromJson,
  windowsFromOptions,
} from './pool-windows.js';
import type { PooledSignals, PoolSignalProblem } from './pooled-size.js';

/** Turns signals into signals with one value per window. */
interface SignalPoolRule<
  K extends number,
  S extends number,
  P extends number,
  D extends number,
  M extends boolean,
> extends ShapeRule {
  readonly accepts: SignalShapes;
  readonly output: PooledSignals<this['input'], K, S, P, D, M>;
  readonly problem: PoolSignalProblem<this['input'], K, P, D>;
}

/** The base of MaxPool1D and AvgPool1D: windows over signals. */
export abstract class Pool1D<
  Name extends string,
  K extends number,
  S extends number,
  P extends number,
  D extends number,
  M extends boolean,
> extends Pool<Name, K, S, P, D, M> {
  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: SignalPoolRule<K, S, P, D, M>;

  /** @param given The options, of which the names are checked. */
  protected constructor(kernelSize: K, given: Readonly<Record<string, unknown>>) {
    super(windowsFromOptions(readSignalWindows, kernelSize, given));
  }

  /**
   * @param x [C, L] or [N, C, L], with a tape or without.
   * @returns Of the length floor((L + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1. With `ceilMode`, the
   * quotient is rounded up, unless the last window would begin after the signal.
   * @throws RangeError for another rank and for signals that hold no window.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, PoolSignalProblem<ShapeOf<X>, K, P, D>>,
  ): Tensor<PooledSignals<ShapeOf<X>, K, S, P, D, M>, TapeOf<X>> {
    const y = this.pool(requireTensor('x', x), signalWindows(this));
    return y as unknown as Tensor<PooledSignals<ShapeOf<X>, K, S, P, D, M>, TapeOf<X>>;
  }
}

/**
 * The maximum of each window of a signal, with the rules of `MaxPool2D` for NaN, padding and gradients, as PyTorch's
 * `MaxPool1d`.
 *
 * @example
 * new MaxPool1D(3, { stride: 2, padding: 1 }).forward(Tensor.zeros([8, 16, 100])); // Tensor3D<8, 16, 50>
 */
export class MaxPool1D<
  K extends number,
  S extends number = 1,
  P extends number = 0,
  D extends number = 1,
  M extends boolean = false,
> extends Pool1D<'MaxPool1D', K, S, P, D, M> {
  /** @internal */
  static readonly type = 'MaxPool1D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): MaxPool1D<number, number, number, number, boolean> {
    const { kernelSize, ...options } = windowsFromJson(readSignalWindows, reader);
    return new MaxPool1D(kernelSize, options);
  }

  /**
   * @param kernelSize Length of a window.
   * @param options As of `MaxPool2D`, with one number each. The stride is 1 unless given.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: MaxPoolOptions<S, P, D, M>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super(kernelSize, requireOptions('options', options, ['stride', 'padding', 'dilation', 'ceilMode']));
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return maxPool(x, windows);
  }
}

/**
 * The mean of each window of a signal, as PyTorch's `AvgPool1d`. By default padding counts as zeros.
 *
 * @example
 * new AvgPool1D(4, { stride: 4 }).forward(Tensor.zeros([8, 16, 100])); // Tensor3D<8, 16, 25>
 */
export class AvgPool1D<
  K extends number,
  S extends number = 1,
  P extends number = 0,
  M extends boolean = false,
> extends Pool1D<'AvgPool1D', K, S, P, 1, M> {
  /** @internal */
  static readonly type = 'AvgPool1D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): AvgPool1D<number, number, number, boolean> {
    const { kernelSize, stride, padding, ceilMode } = windowsFromJson(readSignalWindows, reader);
    const countIncludePad = requireBoolean(reader.place('countIncludePad'), reader.field('countIncludePad'));
    return new AvgPool1D(kernelSize, { stride, padding, ceilMode, countIncludePad });
  }

  /** Whether padding counts as zeros. */
  readonly countIncludePad: boolean;

  /**
   * @param kernelSize Length of a window.
   * @param options As of `AvgPool2D`, with one number each. The stride is 1 unless given.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: AvgPoolOptions<S, P, M>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const given = requireOptions('options', options, averagingOptions);
    super(kernelSize, given);
    this.countIncludePad = requireBoolean('countIncludePad', orDefault(given.countIncludePad, true));
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return avgPool(x, windows, this.countIncludePad);
  }
}
