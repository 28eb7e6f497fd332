import type { Pair } from '../../core/pair.js';
import type { AnyTensor } from '../../ops/operand.js';
import type { Windows } from '../../ops/pool.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { NoParameters } from './no-parameters.js';
import { type ImageWindows, type PoolPadding, unusualSettings } from './pool-windows.js';

/** The base of pooling layers: windows over signals, with one number for each setting, or over images. */
export abstract class Pool<
  Name extends string,
  K extends Pair,
  S extends Pair,
  P extends PoolPadding,
  D extends Pair,
  M extends boolean,
> extends NoParameters<Name> {
  static {
    guardMethods(this);
  }

  /** Length of a window, or its height and width. */
  readonly kernelSize: K;
  /** Values between the beginnings of neighboring windows, or rows and columns. */
  readonly stride: S;
  /** Values of padding around the input, less than `kernelSize`. */
  readonly padding: P;
  /** Values between neighboring values of a window, or rows and columns. */
  readonly dilation: D;
  /** Whether the number of windows is rounded up. */
  readonly ceilMode: M;

  protected constructor(windows: ImageWindows) {
    super();
    this.kernelSize = windows.kernelSize as K;
    this.stride = windows.stride as S;
    this.padding = windows.padding as P;
    this.dilation = windows.dilation as D;
    this.ceilMode = windows.ceilMode as M;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const { kernelSize, stride, padding } = this;
    return { sizes: { kernelSize }, settings: { stride, padding, ...unusualSettings(this) } };
  }

  /** Applies the operation. */
  protected abstract pool(x: AnyTensor, windows: Windows): AnyTensor;
}
