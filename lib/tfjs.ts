/**
 * A backend for TensorFlow.js: programs for `@tensorflow/tfjs` train and predict with the kernels of this package.
 *
 * @module
 */
export {
  type KernelCounts,
  register,
  type RegisterOptions,
  type Registration,
  type TensorFlowModule,
} from './tfjs/register.js';
