import { graphsOf, recorded } from '../core/record.js';
import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';

/**
 * A tensor as norms of single samples see it, [images][groups][channels][plane]: statistics are taken over the channels and
 * the plane of a group.
 */
export interface GroupShape {
  readonly images: number;
  readonly groups: number;
  /** Of one group. */
  readonly channels: number;
  readonly plane: number;
}

/** Parameters and settings of a norm. */
export interface GroupNormSettings {
  /** One value for each channel of all groups; undefined for ones. */
  readonly scale: Tensor<Shape> | undefined;
  /** One value for each channel of all groups; undefined for zeros, and without a scale. */
  readonly bias: Tensor<Shape> | undefined;
  /** Added to the variance. */
  readonly epsilon: number;
  /** Whether to subtract the mean. If not, the mean square takes the place of the variance. */
  readonly centered: boolean;
}

/** Normalizes each group by its own mean and variance, with or without a tape. */
export function groupNorm<S extends Shape, T extends Tape>(
  x: Tensor<S, T>,
  shape: GroupShape,
  { scale, bias, epsilon, centered }: GroupNormSettings,
): Tensor<S, T> {
  const inputs: Tensor<Shape, Tape>[] = [x];
  if (scale !== undefined) inputs.push(scale);
  if (scale !== undefined && bias !== undefined) inputs.push(bias);
  const graphs = graphsOf(inputs);
  const affine = scale !== undefined;
  const { images, groups } = shape;
  // Without parameters, a group is one long channel.
  const sizes = affine
    ? ([images, groups, shape.channels, shape.plane] as const)
    : ([images, groups, 1, shape.channels * shape.plane] as const);
  const input = storageOf(x);
  const scales = affine ? storageOf(scale) : undefined;
  const biases = affine && bias !== undefined ? storageOf(bias) : undefined;
  const output = Storage.take(input.values.length);
  const mean = Storage.take(images * groups);
  const meanLow = Storage.take(images * groups);
  const invStd = Storage.take(images * groups);
  backend.groupNorm(
    ...sizes,
    epsilon,
    centered,
    affine,
    input.named('x'),
    scales?.named('scale') ?? null,
    biases?.named('bias') ?? null,
    output.named('y'),
    mean.named('mean'),
    meanLow.named('meanLow'),
    invStd.named('invStd'),
  );
  const statistics = [mean, meanLow, invStd];
  const result = recorded<S, T>(graphs, inputs, x.shape, output, () => ({
    saved: scales === undefined ? [input, ...statistics] : [input, scales, ...statistics],
    backward: (dy, accumulate, needsGradient) => {
      const dx = Storage.take(dy.values.length);
      const dscale =
        scales !== undefined && needsGradient(1) ? Storage.take(scales.values.length) : undefined;
      const dbias = biases !== undefined && needsGradient(2) ? Storage.take(biases.values.length) : undefined;
      backend.groupNormBackward(
        ...sizes,
        centered,
        affine,
        input.named('x'),
        dy.named('dy'),
        scales?.named('scale') ?? null,
        mean.named('mean'),
        meanLow.named('meanLow'),
        invStd.named('invStd'),
        dx.named('dx'),
        dscale?.named('dscale') ?? null,
        dbias?.named('dbias') ?? null,
      );
      accumulate(0, dx);
      if (dscale !== undefined) accumulate(1, dscale);
      if (dbias !== undefined) accumulate(2, dbias);
    },
  }));
  for (const each of statistics) each.release();
  return result;
}
