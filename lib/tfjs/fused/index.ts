import type { TensorFlow } from '../tensorflow.js';
import { fuseBatchNorm } from './batch-norm.js';
import { fuseDenseLayers } from './dense-layers.js';
import { fuseLosses } from './losses.js';
import { fuseOptimizers } from './optimizers.js';
import { fuseInto } from './replace.js';

/** Fuses what exists in this version of TensorFlow.js. @returns the classes whose methods were replaced */
export function fuseLayers(tf: TensorFlow): readonly string[] {
  const fused: string[] = [];
  const fuse = fuseInto(tf, fused);
  fuseBatchNorm(tf, fuse);
  fuseDenseLayers(tf, fuse);
  fuseLosses(tf, fused);
  fuseOptimizers(tf, fuse);
  return fused;
}
