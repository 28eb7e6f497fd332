/**
 * Batch normalization on typed arrays: for those who own their buffers, such as another framework's
 * tensors or memory shared between workers. With `out`, nothing is allocated and nothing is copied.
 *
 * @module
 */
export { batchNormBackward, type BackwardInput, type BackwardOutput } from './raw/backward.js';
export { batchNormInference, type InferenceInput } from './raw/inference.js';
export { batchNormTraining, type TrainingInput, type TrainingOutput } from './raw/training.js';
