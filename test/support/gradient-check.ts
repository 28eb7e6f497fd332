import { backward, type OwnedTape, type Shape, Tensor, type Tensor0D } from 'batchnorm';
import { expectNear } from './expect-near.js';

/**
 * Compares the gradient of the tape with central differences of the same function.
 *
 * @param loss Maps the traced tensors to a scalar.
 * @param inputs Values at which to differentiate; each is differentiated in turn.
 * @param tolerance Absolute: differences of float32 results with a step h have errors of about 6e-8 * |loss| / h from
 *   rounding and h^2 from the method.
 */
export function checkGradients(
  loss: (inputs: Tensor<Shape, OwnedTape>[]) => Tensor0D<OwnedTape>,
  inputs: readonly Tensor<Shape>[],
  tolerance: number,
  h = 1e-2,
): void {
  const gradients = backward(loss(inputs.map((x) => x.trace())));
  inputs.forEach((x, index) => {
    const gradient = gradients.get(x);
    if (gradient === undefined) throw new Error(`no gradient for input ${index}`);
    const center = x.clone().data;
    const numeric = center.map((value, i) => {
      const at = (shifted: number): number => {
        const moved = center.slice();
        moved[i] = shifted;
        const others = inputs.map((other, j) => (j === index ? Tensor.from(moved, x.shape) : other).trace());
        return loss(others).item();
      };
      const above = Math.fround(value + h);
      const below = Math.fround(value - h);
      return (at(above) - at(below)) / (above - below);
    });
    expectNear(gradient.data, numeric, tolerance, `gradient of input ${index}`);
  });
}
