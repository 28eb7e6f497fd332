export { backward, type BackwardOptions } from './core/backward.js';
export { disposeGraph, type DisposeGraphOptions } from './core/dispose-graph.js';
export type { Gradients } from './core/gradients.js';
export type { BackendInfo } from './backend/backend-info.js';
export { setNumThreads } from './backend/set-num-threads.js';
export { Batch } from './data/batch.js';
export {
  batchSamples,
  type Sample,
  type SampleLabel,
  type StreamedBatch,
  type StreamOptions,
} from './data/batch-samples.js';
export {
  type ArrayDataset,
  type BatchLabels,
  type BatchOptions,
  type BatchSize,
  DataLoader,
  type EpochOptions,
  type LoadedBatch,
} from './data/data-loader.js';
export { type IdxArray, type IdxOptions, type IdxValues, readIdx } from './data/idx.js';
export type { ClassArray } from './core/number-arrays.js';
export type { NumberArray } from './validation/typed-array.js';
export type { FeatureArray, Normalization } from './data/normalization.js';
export type { ErrorCode } from './validation/errors.js';
export { FileFormatError } from './io/files/file-format-error.js';
export type { Downloadable, FileContent, FileSource } from './io/files/file-source.js';
export type { FilePath } from './io/files/path.js';
export { BaseModule } from './nn/base-module.js';
export { BatchNorm1D, type BatchNorm1DJson } from './nn/norm/batch-norm-1d.js';
export { BatchNorm2D, type BatchNorm2DJson } from './nn/norm/batch-norm-2d.js';
export { BatchNorm3D, type BatchNorm3DJson } from './nn/norm/batch-norm-3d.js';
export type { BatchNormJson, BatchNormOptions } from './nn/norm/batch-norm.js';
export * from './nn/layers/index.js';
export { FrozenBatchNorm1D } from './nn/norm/frozen-batch-norm-1d.js';
export { FrozenBatchNorm2D } from './nn/norm/frozen-batch-norm-2d.js';
export { FrozenBatchNorm3D } from './nn/norm/frozen-batch-norm-3d.js';
export type { FrozenBatchNormOptions } from './nn/norm/frozen-batch-norm.js';
export { fold, type Folded, type FoldedLayer } from './nn/norm/fold.js';
export { GeneralizedResidual } from './nn/compose/generalized-residual.js';
export { GroupNorm, type GroupNormOptions } from './nn/norm/group-norm.js';
export { LayerNorm, type LayerNormOptions } from './nn/norm/layer-norm.js';
export { RMSNorm, type RMSNormOptions } from './nn/norm/rms-norm.js';
export { InstanceNorm1D } from './nn/norm/instance-norm-1d.js';
export { InstanceNorm2D } from './nn/norm/instance-norm-2d.js';
export { InstanceNorm3D } from './nn/norm/instance-norm-3d.js';
export type { InstanceNormOptions } from './nn/norm/instance-norm.js';
export type { InferringLayer, Layer, TrainingLayer } from './nn/shape-rule.js';
export {
  type CanUpdateWithGradients,
  type Module,
  type ModuleMut,
  type NamedTensor,
  parametersOf,
} from './module/module.js';
export { type ModuleFromJson, moduleFromJSON, type ModuleFromJsonOptions } from './nn/module-from-json.js';
export { type LayerSummary, type ModelSummary, summary } from './nn/model-summary.js';
export type { ModuleJson } from './nn/module-json.js';
export { recalibrate } from './nn/norm/recalibrate.js';
export { Residual } from './nn/compose/residual.js';
export { Sequential } from './nn/compose/sequential.js';
export type { LoadOptions, LoadReport } from './io/files/load-options.js';
export type { Rename } from './io/files/rename.js';
export { loadNpz, type LoadFromNpz, saveNpz, type SaveToNpz } from './io/npz/npz-files.js';
export { NpzReader, type NumberLimits } from './io/npz/npz-reader.js';
export { NpzWriter } from './io/npz/npz-writer.js';
export type { ClampOptions } from './ops/clamp.js';
export { type AxisOptions, concat, stack } from './ops/concat.js';
export type { ArgmaxOptions, ReductionOptions } from './ops/reduction-types.js';
export type { PositiveWeight } from './ops/positive-weight.js';
export { where } from './ops/where.js';
export type { SliceOptions } from './ops/slice.js';
export type { ClassTargets, ClassWeights } from './ops/class-targets.js';
export {
  crossEntropyWithLogitsLoss,
  type CrossEntropyOptions,
  klDivWithLogitsLoss,
  type Targets,
} from './ops/cross-entropy.js';
export type { LossOptions, LossReduction } from './ops/loss-options.js';
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropyWithLogitsLoss,
  huberLoss,
  type HuberLossOptions,
  maeLoss,
  mseLoss,
  rmseLoss,
  smoothL1Loss,
  type SmoothL1LossOptions,
} from './ops/losses.js';
export { Adam, type AdamGroup, type AdamOptions } from './optim/adam.js';
export { clipGradNorm, type ClipOptions } from './optim/clip-grad-norm.js';
export { type GradientProvider, UnusedTensors } from './module/gradient-provider.js';
export type { UnusedOptions, UpdateOptions } from './optim/optimizer.js';
export type { ResumableOptimizer } from './optim/optimizer-state.js';
export { type RandomGenerator, randomGenerator } from './core/random-generator.js';
export type { ParameterMatch } from './module/parameter-match.js';
export type { ParameterGroup } from './optim/parameter-groups.js';
export { RMSprop, type RMSpropGroup, type RMSpropOptions } from './optim/rmsprop.js';
export { type NesterovMomentum, Sgd, type SgdGroup, type SgdOptions } from './optim/sgd.js';
export { UnusedParamsError } from './module/unused-params-error.js';
export { loadSafetensors, saveSafetensors } from './nn/safetensors-files.js';
export { updateParameter } from './module/update-parameter.js';
export type { DecoupledWeightDecay, WeightDecay } from './optim/weight-decay.js';
export {
  loadCheckpoint,
  type Resumable,
  type ResumableGenerator,
  saveCheckpoint,
  type Training,
} from './training/checkpoint.js';
export { EarlyStopping, type EarlyStoppingOptions } from './training/early-stopping.js';
export type { Batches, StopSignal, TrainingBatch } from './training/batches.js';
export { evaluate, type EvaluateOptions, type LossFunction, type Metric } from './training/evaluate.js';
export { fit } from './training/fit.js';
export type {
  EpochResult,
  FitCheckpointOptions,
  FitOptimizer,
  FitOptions,
  StepResult,
} from './training/fit-options.js';
export type { Scores } from './training/scores.js';
export { accuracy, confusionMatrix, type MetricOptions, topK, type TopKOptions } from './training/metrics.js';
export { type HasLearningRate, LearningRateScheduler } from './training/learning-rate-scheduler.js';
export {
  constantSchedule,
  cosineSchedule,
  type CosineScheduleOptions,
  oneCycleSchedule,
  type OneCycleScheduleOptions,
  type Schedule,
  stepSchedule,
  type StepScheduleOptions,
  warmupSchedule,
  type WarmupScheduleOptions,
} from './training/schedules.js';
export { WeightAverage, type WeightAverageOptions } from './training/weight-average.js';
export { compile, type CompileOptions, type PlanOf } from './plan/compile.js';
export {
  Batcher,
  type BatcherOptions,
  type BatcherStatistics,
  type SampleOptions,
  type SampleShape,
} from './plan/batcher.js';
export type { CallSignal } from './plan/call-signal.js';
export type { LatencyPercentiles } from './plan/latencies.js';
export { Plan, type PlanMemory, type RunOptions, type RunSyncOptions } from './plan/plan.js';
export type { NestedArray } from './core/nested-array.js';
export type { TypeMismatch, Shape, Unless } from './core/shape.js';
export type { TensorJson } from './core/tensor-json.js';
export type { JsonNumber } from './json/json-numbers.js';
export { storagePool, type StoragePool } from './core/storage-pool.js';
export type { MergedTape, NoneTape, OwnedTape, Tape } from './core/tape.js';
export {
  type RandomOptions,
  type RandomSource,
  type TraceOptions,
  type ShapeOf,
  type TapeOf,
  Tensor,
  type Tensor0D,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  type Tensor5D,
} from './tensor.js';
export type { NestedNumbers, NumberSource } from './core/values.js';

import type { BackendInfo } from './backend/backend-info.js';
import { backend as chosen } from './backend/index.js';

/** The backend, instruction set and threads of this process, and the reason for the choice. */
export const backend: BackendInfo = chosen.info;
