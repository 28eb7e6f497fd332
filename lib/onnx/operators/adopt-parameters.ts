import { storageOf, type Tensor } from '../../core/tensor.js';
import type { Shape } from '../../core/shape.js';
import { layerType } from '../../nn/layer-description.js';
import type { AnyTensor } from '../values.js';

/**
 * Replaces the tensors of a layer, which was created as small as possible: constructors draw random weights, and a large
 * model would be allocated twice.
 */
export function adoptParameters<L extends object>(
  layer: L,
  parameters: Readonly<Record<string, AnyTensor | undefined>>,
): L {
  for (const [name, tensor] of Object.entries(parameters)) {
    if (tensor === undefined) continue;
    storageOf(tensor).label ??= `${name} of ${layerType(layer)}`;
    Reflect.set(layer, name, tensor as Tensor<Shape>);
  }
  return layer;
}
