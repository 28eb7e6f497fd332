import type { AxisWindows } from '../../ops/pool.js';
import type { Sizes } from '../values.js';
import type { NodeReader } from './node-reader.js';

// The windows of convolutions and pools.

/** The windows along one axis of an image. */
export interface Axis extends AxisWindows {
  readonly stride: number;
}

/** The attributes that describe windows, of which the padding may depend on the image. */
export interface WindowAttributes {
  readonly rank: number;
  /** The windows over axes of these sizes. */
  readonly axes: (sizes: Sizes) => readonly Axis[];
  /** Whether the windows are the same for images of all sizes. */
  readonly isFixed: boolean;
}

/**
 * Reads the attributes of windows.
 * @param kernels Sizes of the kernel.
 */
export function readWindows(node: NodeReader, kernels: readonly number[]): WindowAttributes {
  const rank = kernels.length;
  const list = (name: string, byDefault: number, length = rank): readonly number[] => {
    const values = node.list(name) ?? Array<number>(length).fill(byDefault);
    const fits = values.length === length && values.every((each) => Number.isSafeInteger(each));
    return fits ? values : node.unsupported(`${name} = [${values.join(', ')}]`);
  };
  const [strides, dilations] = [list('strides', 1), list('dilations', 1)];
  const auto = node.text('auto_pad', 'NOTSET');
  const pads = auto === 'NOTSET' ? list('pads', 0, 2 * rank) : list('pads', 0, 2 * rank).map(() => 0);
  if (pads.some((each) => each < 0)) node.unsupported('negative padding');
  const ceilMode = node.number('ceil_mode', 0) !== 0;
  const isSame = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  if (!isSame && auto !== 'NOTSET' && auto !== 'VALID') node.unsupported(`auto_pad = ${auto}`);
  const axes = (sizes: Sizes) =>
    kernels.map((kernel, i): Axis => {
      const [stride, dilation] = [strides[i], dilations[i]];
      const windows = { kernel, stride, dilation, ceilMode };
      if (!isSame) return { ...windows, padding: { before: pads[i], after: pads[i + rank] } };
      const size = sizes[i];
      if (stride !== 1 && typeof size !== 'number') {
        return node.unsupported(`auto_pad = ${auto} with images of an unknown size`);
      }
      const outputs = typeof size === 'number' ? Math.ceil(size / stride) : 0;
      const covered = (outputs - 1) * stride + (kernel - 1) * dilation + 1;
      const total = typeof size === 'number' ? Math.max(0, covered - size) : (kernel - 1) * dilation;
      const half = Math.floor(total / 2);
      const before = auto === 'SAME_UPPER' ? half : total - half;
      return { ...windows, padding: { before, after: total - before } };
    });
  return { rank, axes, isFixed: !isSame || strides.every((stride) => stride === 1) };
}

/** The number of windows along each axis. */
export function windowSizes(image: Sizes, windows: WindowAttributes): Sizes {
  if (!windows.isFixed && image.some((size) => typeof size !== 'number')) return image.map(() => '?');
  return windows.axes(image).map(({ kernel, stride, dilation, padding: { before, after }, ceilMode }, i) => {
    const size = image[i];
    if (typeof size !== 'number') return '?';
    const steps = (size + before + after - dilation * (kernel - 1) - 1) / stride;
    if (!ceilMode) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    // A window may not begin behind the image.
    return (count - 1) * stride >= size + before ? count - 1 : count;
  });
}

/** The padding of images as the package's layers take it. */
export function sidesOf(axes: readonly Axis[]): readonly number[] {
  return [...axes.map(({ padding }) => padding.before), ...axes.map(({ padding }) => padding.after)];
}
