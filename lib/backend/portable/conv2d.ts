import type { Operations } from '../operations.js';
import { workingSpace } from './working-space.js';

// Sums in double precision, one tap of the kernel after the other, so that the innermost loops run along rows
// of memory.

class Convolution {
  readonly outHeight: number;
  readonly outWidth: number;

  constructor(
    readonly inChannels: number,
    readonly height: number,
    readonly width: number,
    readonly outChannels: number,
    readonly kernel: number,
    readonly stride: number,
    readonly padding: number,
  ) {
    this.outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
    this.outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  }

  /** Values of one image. */
  get inputs(): number {
    return this.inChannels * this.height * this.width;
  }

  get outPlane(): number {
    return this.outHeight * this.outWidth;
  }

  get outputs(): number {
    return this.outChannels * this.outPlane;
  }

  /**
   * Visits each row of one image's outputs with each tap of the kernel: the `count` outputs from `y` on
   * combine with the inputs x, x + stride, ... through the weight `k`. Taps over padding are skipped.
   */
  forEachRow(visit: (x: number, k: number, y: number, count: number) => void): void {
    const { inChannels, height, width, kernel, stride, padding, outHeight, outWidth } = this;
    for (let o = 0; o < this.outChannels; o++) {
      for (let row = 0; row < outHeight; row++) {
        const y = (o * outHeight + row) * outWidth;
        for (let s = 0; s < kernel; s++) {
          const line = row * stride - padding + s;
          if (line < 0 || line >= height) continue;
          for (let t = 0; t < kernel; t++) {
            const first = Math.max(0, Math.ceil((padding - t) / stride));
            const end = Math.min(outWidth, Math.floor((width - 1 + padding - t) / stride) + 1);
            if (end <= first) continue;
            const column = first * stride - padding + t;
            for (let i = 0; i < inChannels; i++) {
              const k = ((o * inChannels + i) * kernel + s) * kernel + t;
              visit((i * height + line) * width + column, k, y + first, end - first);
            }
          }
        }
      }
    }
  }
}

export const conv2d: Operations['conv2d'] = (
  images,
  inChannels,
  height,
  width,
  outChannels,
  kernel,
  stride,
  padding,
  x,
  weight,
  bias,
  y,
) => {
  const sizes = [inChannels, height, width, outChannels, kernel, stride, padding] as const;
  const convolution = new Convolution(...sizes);
  const { inputs, outputs, outPlane } = convolution;
  // With empty images, their number may be arbitrarily large.
  if (images * outputs === 0) return;
  const sums = workingSpace(outputs);
  for (let n = 0; n < images; n++) {
    for (let o = 0; o < outChannels; o++) {
      sums.fill(bias === null ? 0 : bias[o], o * outPlane, (o + 1) * outPlane);
    }
    const image = n * inputs;
    convolution.forEachRow((from, k, to, count) => {
      const factor = weight[k];
      for (let c = 0; c < count; c++) sums[to + c] += factor * x[image + from + c * stride];
    });
    y.set(sums, n * outputs);
  }
};

export const conv2dInputGradient: Operations['conv2dInputGradient'] = (
  images,
  inChannels,
  height,
  width,
  outChannels,
  kernel,
  stride,
  padding,
  dy,
  weight,
  dx,
) => {
  const sizes = [inChannels, height, width, outChannels, kernel, stride, padding] as const;
  const convolution = new Convolution(...sizes);
  const { inputs, outputs } = convolution;
  if (images * inputs === 0) return;
  const sums = workingSpace(inputs);
  for (let n = 0; n < images; n++) {
    sums.fill(0);
    const image = n * outputs;
    convolution.forEachRow((to, k, from, count) => {
      const factor = weight[k];
      for (let c = 0; c < count; c++) sums[to + c * stride] += factor * dy[image + from + c];
    });
    dx.set(sums, n * inputs);
  }
};

export const conv2dWeightGradient: Operations['conv2dWeightGradient'] = (
  images,
  inChannels,
  height,
  width,
  outChannels,
  kernel,
  stride,
  padding,
  x,
  dy,
  dweight,
  dbias,
) => {
  const sizes = [inChannels, height, width, outChannels, kernel, stride, padding] as const;
  const convolution = new Convolution(...sizes);
  const { inputs, outputs, outPlane } = convolution;
  const sums = workingSpace(outChannels * inChannels * kernel * kernel);
  const biasSums = workingSpace(outChannels);
  for (let n = 0; n < images && outputs > 0; n++) {
    const xImage = n * inputs;
    const dyImage = n * outputs;
    convolution.forEachRow((from, k, to, count) => {
      let sum = 0;
      for (let c = 0; c < count; c++) {
        sum += dy[dyImage + to + c] * x[xImage + from + c * stride];
      }
      sums[k] += sum;
    });
    if (dbias === null) continue;
    for (let o = 0; o < outChannels; o++) {
      const plane = dyImage + o * outPlane;
      for (let i = plane; i < plane + outPlane; i++) biasSums[o] += dy[i];
    }
  }
  dweight.set(sums);
  dbias?.set(biasSums);
};
