import type { Call } from './value.js';

// The windows of convolutions and pools. Their pads are the beginnings of all axes, then the ends.

export interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** The windows along each axis with these sizes and kernels. */
export function axesOf(call: Call, sizes: readonly number[], kernels: readonly number[]): readonly Axis[] {
  const strides = call.list('strides');
  const dilations = call.list('dilations');
  const pads = call.list('pads');
  const auto = call.text('auto_pad', 'NOTSET');
  return sizes.map((size, i) => {
    const [kernel, stride, dilation] = [kernels[i], strides?.[i] ?? 1, dilations?.[i] ?? 1];
    const windows = { kernel, stride, dilation };
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
      const covered = (Math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1;
      const total = Math.max(0, covered - size);
      const before = auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      return { ...windows, before, after: total - before };
    }
    if (auto === 'VALID') return { ...windows, before: 0, after: 0 };
    return { ...windows, before: pads?.[i] ?? 0, after: pads?.[i + sizes.length] ?? 0 };
  });
}
