import type { Operations } from '../operations.js';
import { named } from '../argument.js';
import { add } from './arithmetic.js';
import { relu } from './unary.js';
import { workingSpace } from './working-space.js';

// Sums in double precision, one tap of the kernel after the other, so that the innermost loops run along rows
// of memory.

type Call = Parameters<Operations['conv2d']>;
/** The sizes with which a call of each operation begins. */
type Sizes = Call extends [...infer S extends number[], ...(readonly [unknown, unknown, unknown, unknown])]
  ? S
  : never;
/** A call of an operation with the arrays A. */
type CallWith<A extends readonly unknown[]> = readonly [...Sizes, ...A];

type InferenceCall = Parameters<Operations['conv2dInference']>;
/** The arguments of conv2dInference after the sizes. */
type InferenceArguments = InferenceCall extends readonly [...Sizes, ...infer A] ? A : never;

const arrayCount = 4;
const inferenceArguments = 7;

function sizesOf(call: CallWith<readonly unknown[]>): Sizes {
  return call.slice(0, -arrayCount) as Sizes;
}

function arraysOf<A extends readonly unknown[]>(call: CallWith<A>): A {
  return call.slice(-arrayCount) as unknown as A;
}

class Convolution {
  constructor(
    readonly images: number,
    readonly groups: number,
    readonly inChannels: number,
    readonly outChannels: number,
    readonly height: number,
    readonly width: number,
    readonly outHeight: number,
    readonly outWidth: number,
    readonly kernelHeight: number,
    readonly kernelWidth: number,
    readonly strideHeight: number,
    readonly strideWidth: number,
    readonly dilationHeight: number,
    readonly dilationWidth: number,
    readonly paddingTop: number,
    readonly paddingLeft: number,
  ) {}

  get inPlane(): number {
    return this.height * this.width;
  }

  get outPlane(): number {
    return this.outHeight * this.outWidth;
  }

  /** Values of one image. */
  get inputs(): number {
    return this.groups * this.inChannels * this.inPlane;
  }

  get outputs(): number {
    return this.groups * this.outChannels * this.outPlane;
  }

  get weights(): number {
    return this.groups * this.outChannels * this.inChannels * this.kernelHeight * this.kernelWidth;
  }

  /**
   * Visits each row of one image's outputs with each tap of the kernel: the `count` outputs from `y` on
   * combine with the inputs x, x + strideWidth, ... through the weight `k`. Taps over padding are skipped.
   */
  forEachRow(visit: (x: number, k: number, y: number, count: number) => void): void {
    const { inChannels, height, width, outHeight, outWidth, kernelHeight, kernelWidth } = this;
    const { strideHeight, strideWidth, dilationHeight, dilationWidth, paddingTop, paddingLeft } = this;
    for (let o = 0; o < this.groups * this.outChannels; o++) {
      const firstChannel = Math.floor(o / this.outChannels) * inChannels;
      for (let row = 0; row < outHeight; row++) {
        const y = (o * outHeight + row) * outWidth;
        for (let s = 0; s < kernelHeight; s++) {
          const line = row * strideHeight - paddingTop + s * dilationHeight;
          if (line < 0 || line >= height) continue;
          for (let t = 0; t < kernelWidth; t++) {
            const start = t * dilationWidth - paddingLeft;
            const first = Math.max(0, Math.ceil(-start / strideWidth));
            const end = Math.min(outWidth, Math.floor((width - 1 - start) / strideWidth) + 1);
            if (end <= first) continue;
            const column = first * strideWidth + start;
            for (let i = 0; i < inChannels; i++) {
              const k = ((o * inChannels + i) * kernelHeight + s) * kernelWidth + t;
              visit(((firstChannel + i) * height + line) * width + column, k, y + first, end - first);
            }
          }
        }
      }
    }
  }
}

/** Starts the sums of each channel with its bias. */
function fillChannels(sums: Float64Array, bias: Float32Array | null, plane: number): void {
  if (bias === null) {
    sums.fill(0);
    return;
  }
  for (let i = 0; i < sums.length; i += plane) sums.fill(bias[i / plane], i, i + plane);
}

export const conv2d: Operations['conv2d'] = (...call) => {
  const [x, weight, bias, y] = arraysOf(call);
  const convolution = new Convolution(...sizesOf(call));
  const { images, inputs, outputs, outPlane, strideWidth } = convolution;
  // Images without pixels need no memory, so their number may be huge: return early.
  if (images * outputs === 0) return;
  const sums = workingSpace(outputs);
  for (let n = 0; n < images; n++) {
    fillChannels(sums, bias, outPlane);
    const image = n * inputs;
    convolution.forEachRow((from, k, to, count) => {
      const factor = weight[k];
      for (let c = 0; c < count; c++) sums[to + c] += factor * x[image + from + c * strideWidth];
    });
    y.set(sums, n * outputs);
  }
};

export const conv2dInference: Operations['conv2dInference'] = (...call) => {
  const [isRelu, , x, weight, bias, residual, y] = call.slice(
    -inferenceArguments,
  ) as unknown as InferenceArguments;
  const sizes = call.slice(0, -inferenceArguments) as unknown as Sizes;
  const { images, outputs } = new Convolution(...sizes);
  conv2d(...sizes, x, named('weight', weight), bias, y);
  const n = images * outputs;
  if (residual !== null) add(n, 1, n, named('a', y), named('b', residual), named('out', y));
  if (isRelu) relu(n, named('x', y), named('y', y));
};

// Weights have the same order.
export const conv2dPackedLength: Operations['conv2dPackedLength'] = (...sizes) =>
  new Convolution(...sizes).weights;

export const conv2dPack: Operations['conv2dPack'] = (...call) => {
  const [weight, packed] = call.slice(-2) as unknown as [Float32Array, Float32Array];
  const { weights } = new Convolution(...(call.slice(0, -3) as unknown as Sizes));
  packed.set(weight.subarray(0, weights));
};

/** Passes the sums of one image after the other to `finish`, with the index of the first one. */
function inputGradientSums(
  convolution: Convolution,
  [dy, weight, bias]: readonly [Float32Array, Float32Array, Float32Array | null],
  finish: (sums: Float64Array, begin: number) => void,
): void {
  const { images, inputs, outputs, inPlane, strideWidth } = convolution;
  if (images * inputs === 0) return;
  const sums = workingSpace(inputs);
  for (let n = 0; n < images; n++) {
    fillChannels(sums, bias, inPlane);
    const image = n * outputs;
    convolution.forEachRow((to, k, from, count) => {
      const factor = weight[k];
      for (let c = 0; c < count; c++) sums[to + c * strideWidth] += factor * dy[image + from + c];
    });
    finish(sums, n * inputs);
  }
}

export const conv2dInputGradient: Operations['conv2dInputGradient'] = (...call) => {
  const [dy, weight, bias, dx] = arraysOf(call);
  inputGradientSums(new Convolution(...sizesOf(call)), [dy, weight, bias], (sums, begin) => {
    dx.set(sums, begin);
  });
};

export const conv2dAddInputGradient: Operations['conv2dAddInputGradient'] = (...call) => {
  const [dy, weight, dx] = call.slice(-3) as unknown as [Float32Array, Float32Array, Float32Array];
  const sizes = call.slice(0, -3) as unknown as Sizes;
  inputGradientSums(new Convolution(...sizes), [dy, weight, null], (sums, begin) => {
    // Rounds twice, as a separate gradient that is added afterwards would.
    for (let i = 0; i < sums.length; i++) dx[begin + i] += Math.fround(sums[i]);
  });
};

export const conv2dWeightGradient: Operations['conv2dWeightGradient'] = (...call) => {
  const [x, dy, dweight, dbias] = arraysOf(call);
  const convolution = new Convolution(...sizesOf(call));
  const { images, inputs, outputs, outPlane, strideWidth } = convolution;
  const sums = workingSpace(dweight === null ? 0 : convolution.weights);
  const biasSums = workingSpace(dbias === null ? 0 : convolution.groups * convolution.outChannels);
  for (let n = 0; n < images && outputs > 0; n++) {
    const xImage = n * inputs;
    const dyImage = n * outputs;
    if (dweight !== null) {
      convolution.forEachRow((from, k, to, count) => {
        let sum = 0;
        for (let c = 0; c < count; c++) sum += dy[dyImage + to + c] * x[xImage + from + c * strideWidth];
        sums[k] += sum;
      });
    }
    for (let o = 0; o < biasSums.length; o++) {
      const plane = dyImage + o * outPlane;
      for (let i = plane; i < plane + outPlane; i++) biasSums[o] += dy[i];
    }
  }
  dweight?.set(sums);
  dbias?.set(biasSums);
};
