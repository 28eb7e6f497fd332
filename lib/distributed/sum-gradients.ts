import { freshFloats } from '../backend/allocation.js';
import { backwardNotifying, type BackwardOptions } from '../core/backward.js';
import { type Gradients, gradientStorage, replaceGradient } from '../core/gradients.js';
import { elementCount, type Shape } from '../core/shape.js';
import type { OwnedTape } from '../core/tape.js';
import type { Tensor, Tensor0D } from '../core/tensor.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { isFrozen } from '../nn/freeze.js';
import { trainableParameters } from '../nn/trainable.js';
import { differentiatedParameters } from '../optim/optimizer.js';
import { backgroundSums, type HasBackgroundSums, type StartSum } from './background-sums.js';
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

/** A gradient, whose view is read at each use: it may become empty when the memory of the backend grows. */
interface HasValues {
  readonly values: Float32Array;
}

type Bucket = readonly Piece[];
type Values = (parameter: Tensor<Shape>) => Float32Array | undefined;

/**
 * Adds up the gradients of all ranks in buckets, which collect small gradients and divide large ones. Over MPI, a bucket is
 * sent as soon as its gradients are complete, while the backward pass computes those of earlier layers. Each element is
 * added in rank order, so its bits do not depend on the buckets.
 */
export class GradientSum {
  /** Memory for each bucket on its way; without sums in the background, one for all. */
  readonly #memory: Float32Array[] = [];

  constructor(private readonly group: Group & HasBackgroundSums) {}

  /**
   * Computes the gradients of this rank's loss, and their sums over all ranks.
   * @param isEmpty Whether this rank has no samples, so that its gradients count as zeros.
   * @throws TypeError or Error as `backward` and the group.
   */
  run(
    model: CanUpdateWithGradients,
    loss: Tensor0D<OwnedTape>,
    options: BackwardOptions | undefined,
    isEmpty: boolean,
  ): Gradients {
    const buckets = bucketsOf(trainableParameters(model));
    const start = this.group[backgroundSums];
    // A single bucket is complete when the backward pass ends.
    const sending =
      start === undefined || buckets.length < 2
        ? undefined
        : new BucketsInOrder(buckets, start, isEmpty, this.#take);
    const gradients = backwardNotifying(loss, options, sending?.onLeafGradient);
    try {
      // Checks that all gradients can be read.
      differentiatedParameters(model, gradients, true);
      const valuesOf: Values = (parameter) => gradientStorage(gradients, parameter)?.values;
      const replace = (bucket: Bucket, sums: Float32Array) => {
        forEachPiece(bucket, valuesOf, ({ parameter, begin }, from, to) => {
          replaceGradient(gradients, parameter, begin, sums.subarray(from, to));
        });
      };
      if (sending !== undefined) {
        sending.finish(valuesOf, replace);
        return gradients;
      }
      for (const bucket of buckets) {
        const values = this.#take(0, lengthOf(bucket, valuesOf));
        copyBucket(bucket, valuesOf, values, isEmpty);
        this.group.sum(values);
        replace(bucket, values);
      }
      return gradients;
    } catch (error) {
      gradients.dispose();
      throw error;
    }
  }

  readonly #take = (index: number, length: number): Float32Array => {
    const memory = this.#memory.at(index);
    if (memory !== undefined && memory.length >= length) return memory.subarray(0, length);
    return (this.#memory[index] = freshFloats('a bucket of gradients', length));
  };
}

/** Starts the sum of each bucket when its gradients and those of all earlier buckets are complete. */
class BucketsInOrder {
  readonly #gradients = new Map<number, HasValues | undefined>();
  readonly #collected: { readonly sums: Float32Array; readonly collect: () => void }[] = [];

  constructor(
    private readonly buckets: readonly Bucket[],
    private readonly start: StartSum,
    private readonly isEmpty: boolean,
    private readonly take: (index: number, length: number) => Float32Array,
  ) {}

  readonly onLeafGradient = (id: number, gradient: HasValues | undefined): void => {
    this.#gradients.set(id, gradient);
    const valuesOf: Values = (parameter) => this.#gradients.get(parameter.id)?.values;
    for (;;) {
      const next = this.buckets.at(this.#collected.length);
      if (next?.every(({ parameter }) => this.#gradients.has(parameter.id)) !== true) return;
      this.#send(next, valuesOf);
    }
  };

  /** Sends the remaining buckets, which have parameters outside the graph, and waits for all sums. */
  finish(valuesOf: Values, replace: (bucket: Bucket, sums: Float32Array) => void): void {
    for (const bucket of this.buckets.slice(this.#collected.length)) this.#send(bucket, valuesOf);
    for (const [i, { sums, collect }] of this.#collected.entries()) {
      collect();
      replace(this.buckets[i], sums);
    }
  }

  #send(bucket: Bucket, valuesOf: Values): void {
    const sums = this.take(this.#collected.length, lengthOf(bucket, valuesOf));
    copyBucket(bucket, valuesOf, sums, this.isEmpty);
    this.#collected.push({ sums, collect: this.start(sums) });
  }
}

/**
 * The gradients of all parameters, divided into buckets from the last parameter to the first, because the backward pass
 * computes the gradients of the last layers first. Frozen parameters are left out, but leave the others in their buckets, so
 * that ranks on which different ones are frozen make the same calls, whose lengths tell the difference.
 */
function bucketsOf(parameters: readonly Tensor<Shape>[]): readonly Bucket[] {
  const buckets: Piece[][] = [];
  let room = 0;
  for (const parameter of [...parameters].reverse()) {
    const length = elementCount(parameter.shape);
    for (let begin = 0; begin < length;) {
      if (room === 0) {
        buckets.push([]);
        room = bucketLength;
      }
      const end = Math.min(length, begin + room);
      if (!isFrozen(parameter)) buckets.at(-1)?.push({ parameter, begin, end });
      room -= end - begin;
      begin = end;
    }
  }
  return buckets;
}

/** Calls `act` with the place of each piece that has a gradient. Those without one take no place. */
function forEachPiece(
  bucket: Bucket,
  valuesOf: Values,
  act: (piece: Piece, from: number, to: number, gradient: Float32Array) => void,
): number {
  let at = 0;
  for (const piece of bucket) {
    const gradient = valuesOf(piece.parameter);
    if (gradient === undefined) continue;
    const to = at + piece.end - piece.begin;
    act(piece, at, to, gradient);
    at = to;
  }
  return at;
}

function lengthOf(bucket: Bucket, valuesOf: Values): number {
  return forEachPiece(bucket, valuesOf, () => undefined);
}

function copyBucket(bucket: Bucket, valuesOf: Values, target: Float32Array, isEmpty: boolean): void {
  forEachPiece(bucket, valuesOf, ({ begin, end }, from, to, gradient) => {
    if (isEmpty) target.fill(0, from, to);
    else target.set(gradient.subarray(begin, end), from);
  });
}
