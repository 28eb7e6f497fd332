import { isFloats } from '../kernel.js';
import type { NativeBackend } from '../native-backend.js';
import type { Tensor, TensorFlow, Variable } from '../tensorflow.js';
import { run } from './replace.js';

/**
 * Copies the values of variables that other tensors share, so that a kernel may change the variables in place.
 *
 * @returns whether all are float32 variables; if not, nothing has changed
 */
export function unshare(tf: TensorFlow, variables: readonly Tensor[]): variables is readonly Variable[] {
  if (!variables.every((each) => isFloats(each) && typeof (each as Variable).assign === 'function')) {
    return false;
  }
  const backend = tf.backend() as NativeBackend;
  for (const variable of variables as readonly Variable[]) {
    if (backend.dataOf(variable).refCount === 1) continue;
    tf.tidy(() => variable.assign(run(tf, 'BatchnormCopy', { x: variable })[0]));
  }
  return true;
}
