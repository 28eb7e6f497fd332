export { BatchNorm1D } from './batch-norm-1d.js';
export { BatchNorm2D } from './batch-norm-2d.js';
export { BatchNorm3D } from './batch-norm-3d.js';
export { FrozenBatchNorm1D } from './frozen-batch-norm-1d.js';
export { FrozenBatchNorm2D } from './frozen-batch-norm-2d.js';
export { FrozenBatchNorm3D } from './frozen-batch-norm-3d.js';
