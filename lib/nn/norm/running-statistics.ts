import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import type { BatchNormTraining } from '../../ops/batch-norm.js';
import { distinctTensors, ownerOf } from '../members.js';

/** Name of the method that returns a layer's running statistics. */
export const runningStatistics: unique symbol = Symbol('runningStatistics');

/** The running statistics of a layer, for functions that handle those of whole networks. */
export interface RunningStatistics {
  /** The layer. */
  readonly owner: object;
  readonly mean: Tensor<Shape>;
  /** Returns a function that restores the present statistics. */
  keep(): () => void;
  /**
   * Resets the statistics, then averages all batches until the returned function is called.
   * @throws Error if it is doing so already.
   */
  average(): () => void;
  /** Number of training batches since the last reset. */
  batches(): number;
  setBatches(count: number): void;
  /** Replaces the training pass of the layer, or restores its own if it is undefined. */
  shareTraining(pass: BatchNormTraining | undefined): void;
}

interface HasStatistics {
  [runningStatistics](): RunningStatistics;
}

/** The statistics whose mean is this tensor; undefined for any other tensor. */
export function statisticsOf(mean: Tensor<Shape>): RunningStatistics | undefined {
  const owner = ownerOf(mean);
  if (owner === undefined || !(runningStatistics in owner)) return undefined;
  const statistics = (owner as HasStatistics)[runningStatistics]();
  return statistics.mean.id === mean.id ? statistics : undefined;
}

/** The statistics of all batch norm layers in a module, at any depth, each once. */
export function statisticsIn(module: object): readonly RunningStatistics[] {
  return distinctTensors(module).flatMap((tensor) => statisticsOf(tensor) ?? []);
}
