import type { TensorFlow } from '../tensorflow.js';
import { fuseBatchNorm } from './batch-norm.js';
import { fuseDenseLayers } from './dense-layers.js';
import { fuseLosses } from './losses.js';
import { fuseOptimizers } from './optimizers.js';
import { fuseInto } from './replace.js';

/**
 * Fuses what exists in this version of TensorFlow.js.
 *
 * @param fused The classes whose methods have been replaced, to which the others are added; layers may be imported later.
 */
export function fuseLayers(tf: TensorFlow, fused: string[]): void {
  const fuse = fuseInto(tf, fused);
  fuseBatchNorm(tf, fuse);
  fuseDenseLayers(tf, fuse);
  fuseLosses(tf, fused);
  fuseOptimizers(tf, fuse);
}
