// Modules of users that extend BaseModule.
import {
  backward,
  BaseModule,
  BatchNorm2D,
  type CanUpdateWithGradients,
  Linear,
  type LoadFromNpz,
  type OwnedTape,
  ReLU,
  type SaveToNpz,
  Sequential,
  Sgd,
  Tensor,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

class Net extends BaseModule {
  readonly norm = new BatchNorm2D(2);
  readonly head = new Linear(18, 5);

  forward(x: Tensor4D<number, 2, 3, 3>) {
    return this.head.forward(this.norm.forward(x).reshape([x.shape[0], 18]));
  }
  forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>) {
    return this.head.forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
  }
  protected override buffers(): readonly string[] {
    return [];
  }
}

const net = new Net();
const x = Tensor.zeros([4, 2, 3, 3]);
const trained: CanUpdateWithGradients & SaveToNpz & LoadFromNpz = net;
new Sgd().update(net, backward(net.forwardMut(x.trace()).mean()));
const copy = net.clone();
check<Equal<typeof copy, Net>>();

// In a composition, its shapes are those of its methods.
const chain = new Sequential(net, new ReLU(), new Linear(5, 3));
const rows = chain.forward(x);
check<Equal<typeof rows, Tensor2D<number, 3>>>();
new Sequential(
  net,
  // @ts-expect-error: 5 columns, not 4
  new Linear(4, 3),
);
// @ts-expect-error: 3 channels, not 2
chain.forward(Tensor.zeros([4, 3, 3, 3]));

// Layers keep their types when they are copied, and a derived layer has the shapes of its base.
const layer = new BatchNorm2D(3).clone();
check<Equal<typeof layer, BatchNorm2D<3>>>();
class Twice extends Linear<4, 3> {}
const twice = new Sequential(new Twice(4, 3), new ReLU()).forward(Tensor.zeros([8, 4]));
check<Equal<typeof twice, Tensor2D<8, 3>>>();

// @ts-expect-error: abstract
new BaseModule();
export { trained };
