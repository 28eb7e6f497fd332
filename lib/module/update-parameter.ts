import { backend } from '../backend/index.js';
import { wrongShape, wrongType } from '../validation/errors.js';
import { requireTensor } from '../ops/operand.js';
import { formatShape, sameShape, type Shape } from '../core/shape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { type GradientProvider, UnusedTensors } from './gradient-provider.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { callSync } from '../validation/synchronous.js';

/**
 * Updates one parameter in place from the provider, or adds it to `unused`. A module's `update` calls this for each of
 * its own parameters.
 */
export function updateParameter(
  parameter: Tensor<Shape>,
  provider: GradientProvider,
  unused: UnusedTensors,
): void {
  if (arguments.length > 3) requireNoSurplus('updateParameter', 3, arguments);
  requireTensor('parameter', parameter);
  requireUpdate(provider, unused);
  if (provider.step !== undefined) {
    if (!callSync('step() of provider', () => provider.step?.(parameter))) unused.add(parameter);
    return;
  }
  const change = provider.gradient(parameter);
  if (change === undefined) {
    unused.add(parameter);
    return;
  }
  requireTensor('the gradient from the provider', change);
  if (!sameShape(change.shape, parameter.shape)) {
    throw wrongShape(
      'the gradient from the provider',
      `shape ${formatShape(parameter.shape)}`,
      `shape ${formatShape(change.shape)}`,
    );
  }
  const storage = storageOf(parameter);
  const n = storage.values.length;
  backend.sub(1, n, n, storage.named('a'), storageOf(change).named('b'), storage.named('out'));
  storage.version++;
}

/** Checks the arguments of a module's `update`. @throws TypeError naming the wrong argument. */
export function requireUpdate(provider: unknown, unused: unknown): void {
  if (typeof (provider as Partial<GradientProvider> | null | undefined)?.gradient !== 'function') {
    throw wrongType('provider', 'an object with gradient()', provider);
  }
  if (!(unused instanceof UnusedTensors)) throw wrongType('unused', 'UnusedTensors', unused);
}
