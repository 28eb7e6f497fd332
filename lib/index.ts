export { backward, type BackwardOptions } from './autograd/backward.js';
export type { Gradients } from './autograd/gradients.js';
export type { BackendInfo } from './backend/index.js';
export { BatchNorm2D, type BatchNorm2DOptions } from './nn/batch-norm-2d.js';
export { Linear, type LinearOptions } from './nn/linear.js';
export type { CanUpdateWithGradients, NamedTensor } from './nn/module.js';
export { crossEntropyWithLogits, type Targets } from './ops/cross-entropy.js';
export { Adam, type AdamOptions } from './optim/adam.js';
export { type GradientProvider, UnusedTensors } from './optim/gradient-provider.js';
export { RMSprop, type RMSpropOptions } from './optim/rmsprop.js';
export { Sgd, type SgdOptions } from './optim/sgd.js';
export { UnusedParamsError } from './optim/unused-params-error.js';
export { updateParameter } from './optim/update-parameter.js';
export type { WeightDecay } from './optim/weight-decay.js';
export type { NestedArray } from './tensor/nested-array.js';
export type { Mistake, Shape } from './tensor/shape.js';
export { storagePool, type StoragePool } from './tensor/storage-pool.js';
export type { MergedTape, NoneTape, OwnedTape, Tape } from './tensor/tape.js';
export {
  type RandomSource,
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
