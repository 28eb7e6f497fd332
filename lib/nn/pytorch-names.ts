import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import type { NamedTensor } from './module.js';

const names = new WeakMap<Tensor<Shape>, string>();

/** Notes what PyTorch's layer calls a tensor, where that is not its name here. */
export function nameForPyTorch(tensor: Tensor<Shape>, name: string): void {
  names.set(tensor, name);
}

/** `net.1.scale` of a batch norm layer is PyTorch's `net.1.weight`. */
export function pyTorchName([name, tensor]: NamedTensor): string {
  const last = names.get(tensor);
  return last === undefined ? name : name.slice(0, name.lastIndexOf('.') + 1) + last;
}
