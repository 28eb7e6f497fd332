import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { distinctTensors, ownerOf } from '../members.js';

/** Name of the method of a layer that has running statistics. */
export const runningStatistics: unique symbol = Symbol('runningStatistics');

/** The running statistics of a layer, for those who handle the ones of whole networks. */
export interface RunningStatistics {
  readonly mean: Tensor<Shape>;
  /** Gives a function that puts the statistics back as they are now. */
  keep(): () => void;
  /** Begins anew; averages all batches from now on until the returned function is called. @throws Error where
   * it does so already. */
  average(): () => void;
  /** Training batches since the last reset. */
  batches(): number;
  setBatches(count: number): void;
}

interface HasStatistics {
  [runningStatistics](): RunningStatistics;
}

/** The statistics whose mean this tensor is. */
export function statisticsOf(mean: Tensor<Shape>): RunningStatistics | undefined {
  const owner = ownerOf(mean);
  if (owner === undefined || !(runningStatistics in owner)) return undefined;
  const statistics = (owner as HasStatistics)[runningStatistics]();
  return statistics.mean.id === mean.id ? statistics : undefined;
}

/** The statistics of the batch norm layers in a module, however deep they are; of each once. */
export function statisticsIn(module: object): readonly RunningStatistics[] {
  return distinctTensors(module).flatMap((tensor) => statisticsOf(tensor) ?? []);
}
