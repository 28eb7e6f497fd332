import type { Shape, Unless } from '../core/shape.js';
import { readShape } from '../core/values.js';
import { asPart } from '../nn/compose/part.js';
import type { InferringLayer, ResultShape, ShapeProblem } from '../nn/shape-rule.js';
import type { AnyBatchSize } from '../training/batches.js';
import {
  missingMethod,
  orDefault,
  requireOptions,
  requirePositiveInteger,
  wrongShape,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { layerType } from '../nn/layer-description.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { createPlan, type Plan } from './plan.js';

/** Settings of `compile`. */
export interface CompileOptions {
  /**
   * The batch sizes of inputs, none above that of the shape; they are compiled at once. Default: every size from 1 to that
   * of the shape, compiled when it is first used.
   */
  readonly batchSizes?: readonly number[];
  /** How many calls of `run` compute at the same time, each with memory of its own. Default 1. */
  readonly concurrency?: number;
  /** How many further calls of `run` may wait. Default 256. */
  readonly maxQueue?: number;
}

/** The shape of a plan's results. */
type PlanResult<M, S extends Shape> =
  ResultShape<M, AnyBatchSize<S>> extends infer R extends Shape ? R : Shape;

/** The plan of a model for a shape. */
export type PlanOf<M, S extends Shape> = Plan<AnyBatchSize<S>, PlanResult<M, S>>;

/**
 * Compiles a model for inference on inputs of one shape. Batch norms are folded into the layers before them as by `fold`, in
 * your own modules, too; operations that run together are joined, results that nothing uses are left out, and all intermediate results are placed in one block of
 * memory. On the native backend the plan runs without JavaScript between the operations.
 *
 * @param model A `Sequential`, another layer, or your own module. Its `forward` may call any operations, but must not read
 * values, draw random numbers or decide by values. The plan does not change with the model; see `plan.update`.
 * @param shape Shape of the inputs; the first size is the largest batch.
 * @throws Error with the code ERR_BATCHNORM_CAPTURE, naming the module, for a model that cannot be compiled; TypeError for
 * one without clone(); errors of the model for a shape that it does not accept.
 *
 * @example
 * const plan = compile(net, [32, 3, 224, 224]);
 * const logits = plan.runSync(Tensor.zeros([4, 3, 224, 224]));
 */
export function compile<M extends InferringLayer, const S extends Shape>(
  model: M & Unless<M, ShapeProblem<M, S> & string>,
  shape: S,
  options?: CompileOptions,
): PlanOf<M, S> {
  if (arguments.length > 3) requireNoSurplus('compile', 3, arguments);
  const root = asPart('model', model);
  if (typeof root.forward !== 'function') throw missingMethod('forward', layerType(root), ' for inference');
  const inputShape = readShape('shape', shape as Shape);
  if (inputShape.length === 0 || inputShape[0] === 0) {
    throw wrongShape('shape', 'a batch of at least 1 as the first size', JSON.stringify(inputShape));
  }
  const given = requireOptions('options', options, ['batchSizes', 'concurrency', 'maxQueue']);
  const settings = {
    inputShape,
    batchSizes: readBatchSizes(given.batchSizes, inputShape[0]),
    concurrency: requirePositiveInteger('concurrency', orDefault(given.concurrency, 1)),
    maxQueue: readMaxQueue(orDefault(given.maxQueue, 256)),
  };
  if (settings.concurrency > maxConcurrency) {
    throw wrongValue('concurrency', `at most ${maxConcurrency}`, String(settings.concurrency));
  }
  return createPlan(root, settings);
}

/** Each call has memory and a thread of its own. */
const maxConcurrency = 64;

function readBatchSizes(sizes: unknown, most: number): readonly number[] | undefined {
  if (sizes === undefined) return undefined;
  if (!Array.isArray(sizes)) throw wrongType('batchSizes', 'an array of batch sizes', sizes);
  if (sizes.length === 0) throw wrongValue('batchSizes', 'at least one batch size', 'none');
  return Object.freeze(
    Array.from(sizes, (size: unknown, i) => {
      const place = `batchSizes[${i}]`;
      requirePositiveInteger(place, size);
      if ((size as number) > most)
        throw wrongValue(place, `at most ${most}, the batch of the shape,`, String(size));
      return size as number;
    }),
  );
}

function readMaxQueue(value: unknown): number {
  if (typeof value !== 'number') throw wrongType('maxQueue', 'a non-negative integer', value);
  if (!(value >= 0 && (Number.isInteger(value) || value === Infinity))) {
    throw wrongValue('maxQueue', 'a non-negative integer', String(value));
  }
  return value;
}
