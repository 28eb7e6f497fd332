// Convolution by definition, in double precision.

export interface ConvolutionSizes {
  readonly images: number;
  readonly inChannels: number;
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** Rows or columns of the output. */
export function outputSize(size: number, { kernel, stride, padding }: ConvolutionSizes): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** The indices of input, weight and output for every product of a convolution. */
export function forEachProduct(
  sizes: ConvolutionSizes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { images, inChannels, height, width, outChannels, kernel, stride, padding } = sizes;
  const outHeight = outputSize(height, sizes);
  const outWidth = outputSize(width, sizes);
  for (let y = 0; y < images * outChannels * outHeight * outWidth; y++) {
    const column = y % outWidth;
    const row = Math.floor(y / outWidth) % outHeight;
    const o = Math.floor(y / (outWidth * outHeight)) % outChannels;
    const n = Math.floor(y / (outWidth * outHeight * outChannels));
    for (let k = 0; k < inChannels * kernel * kernel; k++) {
      const t = (k % kernel) + column * stride - padding;
      const s = (Math.floor(k / kernel) % kernel) + row * stride - padding;
      if (s < 0 || s >= height || t < 0 || t >= width) continue;
      const i = Math.floor(k / (kernel * kernel));
      visit(((n * inChannels + i) * height + s) * width + t, o * inChannels * kernel * kernel + k, y);
    }
  }
}

export interface ConvolutionResults {
  readonly y: Float64Array;
  readonly gradients: readonly [x: Float64Array, weight: Float64Array, bias: Float64Array];
}

/** Outputs and gradients. For the absolute values of all operands, these are the sums of magnitudes. */
export function convolve(
  sizes: ConvolutionSizes,
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  dy: ArrayLike<number>,
): ConvolutionResults {
  const plane = outputSize(sizes.height, sizes) * outputSize(sizes.width, sizes);
  const channelOf = (index: number): number => Math.floor(index / plane) % sizes.outChannels;
  const y = Float64Array.from({ length: dy.length }, (_, j) => bias?.[channelOf(j)] ?? 0);
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(weight.length);
  const dbias = new Float64Array(sizes.outChannels);
  forEachProduct(sizes, (i, k, j) => {
    y[j] += x[i] * weight[k];
    dx[i] += dy[j] * weight[k];
    dweight[k] += dy[j] * x[i];
  });
  for (let j = 0; j < dy.length; j++) dbias[channelOf(j)] += dy[j];
  return { y, gradients: [dx, dweight, dbias] };
}

/** The sums of magnitudes, to which errors are relative. */
export function magnitudesOf(
  sizes: ConvolutionSizes,
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  dy: ArrayLike<number>,
): ConvolutionResults {
  const absolute = (values: ArrayLike<number>): number[] => Array.from(values, Math.abs);
  return convolve(
    sizes,
    absolute(x),
    absolute(weight),
    bias === undefined ? undefined : absolute(bias),
    absolute(dy),
  );
}
