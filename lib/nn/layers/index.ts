// The layers without layers inside, except the norms: what the package exports and what moduleFromJSON creates.
export * from './activations.js';
export { AdaptiveAvgPool1D } from './adaptive-avg-pool-1d.js';
export { AdaptiveAvgPool2D } from './adaptive-avg-pool-2d.js';
export { AvgPoolGlobal } from './avg-pool-global.js';
export { Conv1D, type Conv1DOptions } from './conv-1d.js';
export { Conv2D, type Conv2DOptions } from './conv-2d.js';
export { ConvTranspose1D, type ConvTranspose1DOptions } from './conv-transpose-1d.js';
export { ConvTranspose2D, type ConvTranspose2DOptions } from './conv-transpose-2d.js';
export { Dropout, DropoutOneIn, type DropoutOptions } from './dropout.js';
export { Flatten } from './flatten.js';
export { Flatten2D } from './flatten-2d.js';
export { Linear, type LinearOptions } from './linear.js';
export { AvgPool1D, MaxPool1D } from './pool-1d.js';
export {
  AvgPool2D,
  type AvgPoolOptions,
  MaxPool2D,
  type MaxPoolOptions,
  type PoolOptions,
} from './pool-2d.js';
export { ReLU } from './relu.js';
