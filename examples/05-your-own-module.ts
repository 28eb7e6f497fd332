// A module of your own is a class that extends BaseModule: layers in its fields, forward (inference) and forwardMut
// (training). Parameters, optimizer updates, files, copies, JSON and printing are inherited.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backward,
  BaseModule,
  BatchNorm2D,
  Linear,
  type OwnedTape,
  Sgd,
  Tensor,
  type Tensor4D,
  UnusedParamsError,
} from 'batchnorm';

class Net extends BaseModule {
  readonly norm = new BatchNorm2D(2);
  readonly head = new Linear(18, 5);

  forward(x: Tensor4D<number, 2, 3, 3>) {
    return this.head.forward(this.norm.forward(x).reshape([x.shape[0], 18]));
  }
  forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>) {
    return this.head.forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
  }
}

const net = new Net();
const x = Tensor.randn([4, 2, 3, 3]);
const sgd = new Sgd({ lr: 0.1 });
for (let step = 0; step < 3; step++) {
  sgd.update(net, backward(net.forwardMut(x.trace()).square().mean()));
}
console.log(net.parameters().length); // 6

const path = join(tmpdir(), 'batchnorm-example.npz');
await net.save(path);
const loaded = new Net();
await loaded.load(path);
console.log(loaded.forward(x).sub(net.forward(x)).abs().sum().item()); // 0

// Parameters that the loss does not depend on are reported by name, and nothing is updated.
try {
  sgd.update(net, backward(net.head.forward(Tensor.ones([1, 18]).trace()).mean()));
} catch (error) {
  console.log((error as UnusedParamsError).names); // [ 'norm.scale', 'norm.bias' ]
}
