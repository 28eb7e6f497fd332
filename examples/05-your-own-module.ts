// A module of your own is a class with forward (inference), forwardMut (training), and, if it has
// parameters, update() and parameters().
import {
  backward,
  BatchNorm2D,
  type CanUpdateWithGradients,
  Linear,
  type Module,
  type ModuleMut,
  type NamedTensor,
  type OwnedTape,
  parametersOf,
  type GradientProvider,
  Sgd,
  Tensor,
  type Tensor2D,
  type Tensor4D,
  type UnusedTensors,
  UnusedParamsError,
} from 'batchnorm';

class Net
  implements
    CanUpdateWithGradients,
    Module<Tensor4D<number, 2, 3, 3>, Tensor2D<number, 5>>,
    ModuleMut<Tensor4D<number, 2, 3, 3, OwnedTape>, Tensor2D<number, 5, OwnedTape>>
{
  readonly norm = new BatchNorm2D(2);
  readonly head = new Linear(18, 5);

  forward(x: Tensor4D<number, 2, 3, 3>) {
    return this.head.forward(this.norm.forward(x).reshape([x.shape[0], 18]));
  }

  forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>) {
    return this.head.forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
  }

  parameters(): readonly NamedTensor[] {
    return [...parametersOf('norm', this.norm), ...parametersOf('head', this.head)];
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    this.norm.update(provider, unused);
    this.head.update(provider, unused);
  }
}

const net = new Net();
const x = Tensor.ones([4, 2, 3, 3]);
new Sgd({ lr: 0.1 }).update(net, backward(net.forwardMut(x.trace()).mean()));
console.log(net.forward(x).shape); // [ 4, 5 ]

// Parameters that the loss does not depend on are reported by name, and nothing is updated.
try {
  new Sgd().update(net, backward(net.head.forward(Tensor.ones([1, 18]).trace()).mean()));
} catch (error) {
  console.log((error as UnusedParamsError).names); // [ 'norm.scale', 'norm.bias' ]
}
