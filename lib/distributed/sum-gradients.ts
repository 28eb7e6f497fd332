import { type Gradients, gradientStorage, replaceGradient } from '../core/gradients.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { freshFloats } from '../backend/allocation.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { differentiatedParameters } from '../optim/optimizer.js';
import type { Group } from './group.js';

/**
 * Values that are sent at a time, 4 MB: few enough for the caches to hold what was copied, and many enough for the latency
 * of a call not to matter.
 */
const bucketLength = 1024 * 1024;

/** A part of a gradient in a bucket. */
interface Piece {
  readonly parameter: Tensor<Shape>;
  readonly begin: number;
  readonly end: number;
}

/** Adds up the gradients of all ranks in place, in buckets that collect small gradients and divide large ones. */
export class GradientSum {
  #bucket: Float32Array = new Float32Array(0);

  constructor(private readonly group: Group) {}

  /**
   * @param isEmpty Whether this rank has no samples, so that its gradients count as zeros.
   * @throws TypeError or Error as `backward` and the group.
   */
  run(model: CanUpdateWithGradients, gradients: Gradients, isEmpty: boolean): void {
    const parameters = differentiatedParameters(model, gradients, true);
    for (const bucket of bucketsOf(parameters, gradients)) {
      const length = bucket.reduce((sum, { begin, end }) => sum + end - begin, 0);
      if (this.#bucket.length < length) this.#bucket = freshFloats('a bucket of gradients', length);
      const values = this.#bucket.subarray(0, length);
      let at = 0;
      for (const { parameter, begin, end } of bucket) {
        const part = values.subarray(at, at + end - begin);
        if (isEmpty) part.fill(0);
        else part.set(valuesOf(gradients, parameter).subarray(begin, end));
        at += end - begin;
      }
      this.group.sum(values);
      at = 0;
      for (const { parameter, begin, end } of bucket) {
        replaceGradient(gradients, parameter, begin, values.subarray(at, at + end - begin));
        at += end - begin;
      }
    }
  }
}

/** The gradients of all parameters in order, divided into buckets. */
function bucketsOf(
  parameters: readonly Tensor<Shape>[],
  gradients: Gradients,
): readonly (readonly Piece[])[] {
  const buckets: Piece[][] = [];
  let room = 0;
  for (const parameter of parameters) {
    const { length } = valuesOf(gradients, parameter);
    for (let begin = 0; begin < length;) {
      if (room === 0) {
        buckets.push([]);
        room = bucketLength;
      }
      const end = Math.min(length, begin + room);
      buckets.at(-1)?.push({ parameter, begin, end });
      room -= end - begin;
      begin = end;
    }
  }
  return buckets;
}

function valuesOf(gradients: Gradients, parameter: Tensor<Shape>): Float32Array {
  return gradientStorage(gradients, parameter)?.values ?? new Float32Array(0);
}
