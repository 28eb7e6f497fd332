import { elementCount } from '../core/shape.js';
import type { NativeBackend } from './native-backend.js';
import type { Attributes, Inputs, TensorFlow, TensorInfo } from './tensorflow.js';

/** The arguments of a kernel. */
export interface Call {
  readonly tf: TensorFlow;
  readonly backend: NativeBackend;
  readonly inputs: Inputs;
  readonly attrs: Attributes;
}

/**
 * A kernel of ours. It returns undefined, having done nothing, for cases that it leaves to the kernel of the `cpu` backend,
 * errors included.
 */
export type Kernel = (call: Call) => TensorInfo | TensorInfo[] | undefined;

export type Kernels = Readonly<Record<string, Kernel>>;

/** Whether our kernels can read the tensor: float32 and not empty. */
export function isFloats(tensor: TensorInfo | undefined): tensor is TensorInfo {
  return tensor?.dtype === 'float32' && elementCount(tensor.shape) > 0;
}

/** Whether all sizes are whole numbers that are not negative, as the backend requires. */
export function areSizes(...sizes: readonly number[]): boolean {
  return sizes.every((size) => Number.isSafeInteger(size) && size >= 0);
}
