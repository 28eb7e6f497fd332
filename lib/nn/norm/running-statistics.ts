import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { type CanUpdateWithGradients, readParameters } from '../module.js';

/** A batch norm layer, for those who handle the running statistics of whole networks. */
export interface StatisticsOwner {
  /** Gives a function that puts the statistics back as they are now. */
  keep(): () => void;
  /** Begins anew; averages all batches from now on until the returned function is called. @throws Error where
   * it does so already. */
  average(): () => void;
  /** Training batches since the last reset. */
  batches(): number;
  setBatches(count: number): void;
}

/** By the tensor of the running mean: `parameters()` of any module leads to its layers. */
const owners = new WeakMap<Tensor<Shape>, StatisticsOwner>();

export function registerStatistics(runningMean: Tensor<Shape>, owner: StatisticsOwner): void {
  owners.set(runningMean, owner);
}

export function statisticsOf(runningMean: Tensor<Shape>): StatisticsOwner | undefined {
  return owners.get(runningMean);
}

/** The batch norm layers of a module, however deep they are; each once, though it may be used several times. */
export function statisticsIn(module: CanUpdateWithGradients): readonly StatisticsOwner[] {
  const found = readParameters('module', module).flatMap(([, tensor]) => owners.get(tensor) ?? []);
  return [...new Set(found)];
}

/** Gives a function that puts all running statistics of the module back as they are now. */
export function keepStatistics(module: CanUpdateWithGradients): () => void {
  const restores = statisticsIn(module).map((owner) => owner.keep());
  return () => {
    for (const restore of restores) restore();
  };
}
