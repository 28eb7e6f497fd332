import { backward, Tensor } from 'batchnorm';
import { type Group, synchronize } from 'batchnorm/distributed';
import { cases, load, valuesOf } from '../../../conformance/parity/batch-norm-bounds.js';
import type { BatchNormCase } from '../../../conformance/reference/read.js';

/** PyTorch's cases with a batch that can be divided: [C, H, W] is a single image. */
export const dividedCases = cases.filter(
  ({ shape, channel_axis: axis = shape.length - 3, channels_last }) =>
    axis > 0 && !(channels_last === true && shape.length === 3),
);

/** The first sample of a rank: about two thirds of the rest for each, so that the last ones have few or none. */
export function firstOf(samples: number, rank: number, size: number): number {
  return rank === size ? samples : Math.round(samples * (1 - 3 ** -rank));
}

/** The report of a rank on a step. */
export interface PyTorchReport {
  readonly y: readonly number[];
  readonly dx: readonly number[];
  readonly dscale: readonly number[];
  readonly dbias: readonly number[];
  readonly runningMean: readonly number[];
  readonly runningVar: readonly number[];
}

function runCase(group: Group, reference: BatchNormCase): PyTorchReport[] {
  const [samples, ...sample] = reference.shape;
  const length = sample.reduce((product, n) => product * n, 1);
  const [begin, end] = [group.rank, group.rank + 1].map((rank) => firstOf(samples, rank, group.size));
  const bn = load(reference, reference.running_mean, reference.running_var);
  synchronize(bn, group);
  return reference.steps.map((step) => {
    const part = (all: readonly number[]) =>
      Tensor.from(all.slice(begin * length, end * length), [end - begin, ...sample]);
    const x = part(step.x);
    const y = bn.forwardMut(x.trace());
    const gradients = backward(y.mul(part(step.dy)).sum(), { keep: [y] });
    const of = (parameter: typeof bn.scale) =>
      parameter === undefined ? [] : [...valuesOf(gradients.get(parameter))];
    return {
      y: [...y.data],
      dx: [...valuesOf(gradients.get(x))],
      dscale: of(bn.scale),
      dbias: of(bn.bias),
      runningMean: [...bn.runningMean.data],
      runningVar: [...bn.runningVar.data],
    };
  });
}

export const pyTorchScenarios: Readonly<Record<string, (group: Group) => unknown>> = {
  pyTorch: (group) => dividedCases.map((each) => runCase(group, each)),
};
