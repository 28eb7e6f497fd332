// Convolution by definition, in double precision.

export interface ConvolutionAxis {
  readonly size: number;
  readonly outSize: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
}

export interface ConvolutionSizes {
  readonly images: number;
  readonly groups: number;
  /** Channels of one group. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly rows: ConvolutionAxis;
  readonly columns: ConvolutionAxis;
}

/** The indices of input, weight and output for every product of a convolution. */
export function forEachProduct(
  { images, groups, inChannels, outChannels, rows, columns }: ConvolutionSizes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const plane = rows.outSize * columns.outSize;
  const taps = rows.kernel * columns.kernel;
  for (let y = 0; y < images * groups * outChannels * plane; y++) {
    const column = y % columns.outSize;
    const row = Math.floor(y / columns.outSize) % rows.outSize;
    const group = Math.floor(y / (plane * outChannels));
    const o = Math.floor(y / plane) % (groups * outChannels);
    for (let k = 0; k < inChannels * taps; k++) {
      const s =
        row * rows.stride + (Math.floor(k / columns.kernel) % rows.kernel) * rows.dilation - rows.padding;
      const t = column * columns.stride + (k % columns.kernel) * columns.dilation - columns.padding;
      if (s < 0 || s >= rows.size || t < 0 || t >= columns.size) continue;
      const i = group * inChannels + Math.floor(k / taps);
      visit((i * rows.size + s) * columns.size + t, o * inChannels * taps + k, y);
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
  const plane = sizes.rows.outSize * sizes.columns.outSize;
  const channels = sizes.groups * sizes.outChannels;
  const channelOf = (index: number): number => Math.floor(index / plane) % channels;
  const y = Float64Array.from({ length: dy.length }, (_, j) => bias?.[channelOf(j)] ?? 0);
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(weight.length);
  const dbias = new Float64Array(channels);
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
