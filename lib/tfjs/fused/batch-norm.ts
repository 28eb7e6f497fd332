import { isRecording } from '../gradients.js';
import { isFloats } from '../kernel.js';
import type { TensorFlow } from '../tensorflow.js';
import { type Fuse, inputOf, isNumber, type LayerVariable, run } from './replace.js';
import { unshare } from './variables.js';

interface BatchNormLayer {
  readonly axis?: number;
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly gamma?: LayerVariable | null;
  readonly beta?: LayerVariable | null;
  readonly movingMean?: LayerVariable | null;
  readonly movingVariance?: LayerVariable | null;
}

/** Trains batch norm with one kernel, which also moves the statistics; its gradient is another. */
export function fuseBatchNorm(tf: TensorFlow, fuse: Fuse): void {
  fuse('BatchNormalization', 'call', (object, [inputs, options]) => {
    const layer = object as BatchNormLayer;
    const { gamma, beta, movingMean, movingVariance, axis, epsilon, momentum } = layer;
    const x = inputOf(inputs);
    const training = (options as { training?: boolean } | undefined)?.training;
    if (!training || !gamma || !beta || !movingMean || !movingVariance) return undefined;
    if (!isFloats(x) || !isNumber(axis) || !isNumber(epsilon) || !isNumber(momentum)) return undefined;
    const rank = x.shape.length;
    const channels = x.shape[rank - 1];
    const isLast = axis === -1 || axis === rank - 1;
    const count = x.shape.reduce((product, size) => product * size, 1) / channels;
    // Second-order gradients need the operations of which the original is composed.
    if (!isLast || count < 2 || isRecording(tf, 1)) return undefined;
    const moving = [movingMean.read(), movingVariance.read()];
    if (!unshare(tf, moving)) return undefined;
    const result = tf.tidy(() => {
      const attrs = { epsilon, momentum, moving };
      return run(tf, 'BatchnormTraining', { x, scale: gamma.read(), bias: beta.read() }, attrs)[0];
    });
    return { result };
  });
}
