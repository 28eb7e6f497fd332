export { backward, type BackwardOptions } from './autograd/backward.js';
export { disposeGraph, type DisposeGraphOptions } from './autograd/dispose-graph.js';
export type { Gradients } from './autograd/gradients.js';
export { type BackendInfo, setNumThreads } from './backend/index.js';
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
export type { ClassArray } from './tensor/number-arrays.js';
export type { NumberArray } from './tensor/typed-array.js';
export type { FeatureArray, Normalization } from './data/normalization.js';
export type { ErrorCode } from './errors.js';
export { FileFormatError } from './files/file-format-error.js';
export type { FilePath } from './files/path.js';
export {
  Abs,
  Cos,
  Exp,
  GeLU,
  LeakyReLU,
  Ln,
  Sigmoid,
  Sin,
  Softmax,
  Sqrt,
  Square,
  Tanh,
} from './nn/activations.js';
export { AvgPoolGlobal } from './nn/avg-pool-global.js';
export { BatchNorm2D, type BatchNorm2DJson, type BatchNorm2DOptions } from './nn/batch-norm-2d.js';
export { Conv2D, type Conv2DOptions } from './nn/conv-2d.js';
export { Linear, type LinearOptions } from './nn/linear.js';
export { FrozenBatchNorm2D, type FrozenBatchNorm2DOptions } from './nn/frozen-batch-norm-2d.js';
export { Dropout, DropoutOneIn, type DropoutOptions } from './nn/dropout.js';
export { fold, type Folded, type FoldedLayer } from './nn/fold.js';
export { Flatten2D } from './nn/flatten-2d.js';
export { GeneralizedResidual } from './nn/generalized-residual.js';
export type { InferringLayer, Layer, TrainingLayer } from './nn/layer-shapes.js';
export {
  type CanUpdateWithGradients,
  type Module,
  type ModuleMut,
  type NamedTensor,
  parametersOf,
} from './nn/module.js';
export {
  type ModuleFromJson,
  moduleFromJSON,
  type ModuleFromJsonOptions,
} from './nn/module-from-json.js';
export type { ModuleJson } from './nn/module-json.js';
export { AvgPool2D, MaxPool2D } from './nn/pool-2d.js';
export { recalibrate } from './nn/recalibrate.js';
export { ReLU } from './nn/relu.js';
export { Residual } from './nn/residual.js';
export { Sequential } from './nn/sequential.js';
export {
  loadNpz,
  type LoadFromNpz,
  type LoadOptions,
  saveNpz,
  type SaveToNpz,
} from './npz/npz-files.js';
export { NpzReader, type NumberLimits } from './npz/npz-reader.js';
export { NpzWriter } from './npz/npz-writer.js';
export { crossEntropyWithLogits, klDivWithLogitsLoss, type Targets } from './ops/cross-entropy.js';
export {
  binaryCrossEntropyWithLogitsLoss,
  huberLoss,
  maeLoss,
  mseLoss,
  rmseLoss,
  smoothL1Loss,
} from './ops/losses.js';
export { Adam, type AdamOptions } from './optim/adam.js';
export { clipGradNorm } from './optim/clip-grad-norm.js';
export { type GradientProvider, UnusedTensors } from './optim/gradient-provider.js';
export type { ResumableOptimizer } from './optim/optimizer-state.js';
export { RMSprop, type RMSpropOptions } from './optim/rmsprop.js';
export { type NesterovMomentum, Sgd, type SgdOptions } from './optim/sgd.js';
export { UnusedParamsError } from './optim/unused-params-error.js';
export { loadSafetensors, saveSafetensors } from './safetensors/safetensors-files.js';
export { updateParameter } from './optim/update-parameter.js';
export type { DecoupledWeightDecay, WeightDecay } from './optim/weight-decay.js';
export {
  loadCheckpoint,
  type Resumable,
  type ResumableGenerator,
  saveCheckpoint,
  type Training,
} from './training/checkpoint.js';
export { EarlyStopping, type EarlyStoppingOptions } from './training/early-stopping.js';
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
export type { NestedArray } from './tensor/nested-array.js';
export type { Mistake, Shape, Unless } from './tensor/shape.js';
export type { TensorJson } from './tensor/tensor-json.js';
export type { JsonNumber } from './json/json-numbers.js';
export { storagePool, type StoragePool } from './tensor/storage-pool.js';
export type { MergedTape, NoneTape, OwnedTape, Tape } from './tensor/tape.js';
export {
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
} from './tensor/tensor.js';
export type { NestedNumbers, NumberSource } from './tensor/values.js';

import { backend as chosen, type BackendInfo } from './backend/index.js';

/** What the package computes with in this process, and why. */
export const backend: BackendInfo = chosen.info;
