import {
  backward,
  type CanUpdateWithGradients,
  type GradientProvider,
  type Gradients,
  type NamedTensor,
  Tensor,
  type UnusedTensors,
  updateParameter,
} from 'batchnorm';

/** A user-defined module with one parameter. */
export class Parameter implements CanUpdateWithGradients {
  readonly w = Tensor.from([1, -2], [2]);

  loss() {
    return Tensor.from([3, 5], [2]).trace().mul(this.w).sum(); // gradient [3, 5]
  }
  parameters(): readonly NamedTensor[] {
    return [['w', this.w]];
  }
  update(provider: GradientProvider, unused: UnusedTensors): void {
    updateParameter(this.w, provider, unused);
  }
}

interface Optimizer {
  update(module: CanUpdateWithGradients, gradients: Gradients): void;
}

/** The parameter after a number of steps, each with the gradient [3, 5]. */
export function afterSteps(optimizer: Optimizer, steps: number): number[] {
  const module = new Parameter();
  for (let i = 0; i < steps; i++) optimizer.update(module, backward(module.loss()));
  return module.w.array();
}
