import { operationsRecorded } from '../../core/graph.js';
import { graphsOf } from '../../core/record.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { isTensor, leaseOf, type Tensor } from '../../core/tensor.js';
import { hasPackageForward } from '../../validation/guard-methods.js';
import { isPlainObject } from '../../validation/plain-object.js';
import { isMap, isSet } from '../../validation/realm.js';
import { descriptionOf } from '../layer-description.js';
import { isModule } from '../members.js';
import { withStatistics } from '../norm/statistics-transaction.js';

// A composition releases the results of its layers after their last use, and if a layer throws. A module of a user may
// return a tensor that outlives the call: a parameter, a cached result, or one of the caller. So may it keep its input.

/**
 * Releases a result of a layer, unless it is the input of the composition, was made before the composition began to run, or
 * is held by a module of a user.
 * @param since `leasesStarted()` when the composition began.
 */
export function releaseIntermediate(value: unknown, input: unknown, since: number): void {
  if (value !== input && isTensor(value)) leaseOf(value).endIntermediate(since);
}

/** Runs inference by a layer, and notes the tensors that a user's module holds afterwards. */
export function inferHolding(layer: { forward(x: unknown): unknown }, x: unknown): unknown {
  // The package's layers hold only their parameters, which they never return.
  if (hasPackageForward(layer)) return layer.forward(x);
  try {
    return layer.forward(x);
  } finally {
    keepHeld(layer);
  }
}

/**
 * Runs training by a composition. If it throws, running statistics and the graphs of the inputs are as before, except for the
 * operations that led to tensors in the fields of a module.
 */
export function trainWhole<R>(whole: object, inputs: readonly Tensor<Shape, Tape>[], run: () => R): R {
  const since = operationsRecorded();
  const graphs = graphsOf(inputs);
  try {
    return withStatistics(run);
  } catch (error) {
    if (operationsRecorded() > since) {
      keepHeld(whole);
      for (const graph of graphs) graph.rollBack(since);
    }
    throw error;
  }
}

/** Keeps all tensors in the fields of a module: also those in arrays, maps, sets, plain objects and nested modules. */
function keepHeld(module: object): void {
  // Grows while it is walked.
  const holders = new Set([module]);
  const hold = (value: unknown): void => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
    if (isTensor(value)) leaseOf(value).keep();
    else if (mayHold(value)) holders.add(value);
  };
  for (const holder of holders) {
    if (isCollection(holder)) {
      for (const value of holder.values()) hold(value);
    } else {
      // Takes half the time of Object.values.
      for (const field of Object.keys(holder)) hold((holder as Readonly<Record<string, unknown>>)[field]);
    }
  }
}

/** Whether an object in a field of a module may hold the result of a user's module. */
function mayHold(value: object): boolean {
  if (hasPackageForward(value)) return descriptionOf(value).isComposition === true;
  return isCollection(value) || isModule(value) || isPlainObject(value);
}

function isCollection(value: object): value is readonly unknown[] | Map<unknown, unknown> | Set<unknown> {
  return Array.isArray(value) || isMap(value) || isSet(value);
}
