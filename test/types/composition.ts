// Compositions, whose types follow from their layers.
import {
  backward,
  BatchNorm2D,
  Flatten2D,
  FrozenBatchNorm2D,
  Linear,
  type Module,
  type ModuleMut,
  type OwnedTape,
  recalibrate,
  ReLU,
  Residual,
  Sequential,
  Sgd,
  Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const images = Tensor.zeros([8, 3, 4, 4]);
const net = new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(48, 10));
const logits = net.forward(images);
check<Equal<typeof logits, Tensor2D<8, 10>>>();
const traced = net.forwardMut(images.trace());
check<Equal<typeof traced, Tensor2D<8, 10, OwnedTape>>>();
const gradients = backward(traced.mean());
new Sgd().update(net, gradients);
check<Equal<(typeof net.layers)[0], BatchNorm2D<3>>>();

// Input that the first layer refuses.
// @ts-expect-error: 4 channels
net.forward(Tensor.zeros([8, 4, 4, 4]));
// @ts-expect-error: rank 2
net.forward(Tensor.zeros([8, 3]));
// @ts-expect-error: has a tape
net.forward(images.trace());
// @ts-expect-error: has no tape
net.forwardMut(images);

// A layer that refuses the output of the previous one.
new Sequential(
  new Linear(4, 3),
  new ReLU(),
  // @ts-expect-error: 3 columns, not 5
  new Linear(5, 2),
);
new Sequential(
  new BatchNorm2D(3),
  // @ts-expect-error: 3 channels, not 4
  new BatchNorm2D(4),
  new Flatten2D(),
);
new Sequential(
  new ReLU(),
  new Linear(4, 3),
  // @ts-expect-error: rows instead of images
  new BatchNorm2D(3),
);
new Sequential(
  new BatchNorm2D(3),
  // @ts-expect-error: images instead of rows
  new Linear(3, 4),
);

// Unknown sizes fit.
declare const n: number;
const unknown = new Sequential(new Linear(n, n), new Linear(5, 2)).forward(Tensor.zeros([1, n]));
check<Equal<typeof unknown, Tensor2D<1, 2>>>();

// Compositions within compositions.
const block = new Residual(new Sequential(new BatchNorm2D(3), new ReLU()));
const blocks = new Sequential(block, new Residual(new BatchNorm2D(3)), new Flatten2D());
const rows = blocks.forward(images);
check<Equal<typeof rows, Tensor2D<8, number>>>();
const image = Tensor.zeros([3, 4, 4]);
const residual = block.forwardMut(image.trace());
check<Equal<typeof residual, Tensor3D<3, 4, 4, OwnedTape>>>();
// @ts-expect-error: 5 channels
blocks.forward(Tensor.zeros([8, 5, 4, 4]));
new Sequential(
  new BatchNorm2D(5),
  // @ts-expect-error: takes 3 channels inside
  block,
);
// @ts-expect-error: changes the shape
new Residual(new Linear(4, 3)).forward(Tensor.zeros([1, 4]));

// The package's layers are modules.
const inference: Module<Tensor4D<8, 3, 4, 4>, Tensor4D<8, 3, 4, 4>> = new BatchNorm2D(3);
const training: ModuleMut<Tensor4D<8, 3, 4, 4, OwnedTape>, Tensor4D<8, 3, 4, 4, OwnedTape>> = new BatchNorm2D(
  3,
);
const linear: Module<Tensor2D<8, 4>, Tensor2D<8, 3>> = new Linear(4, 3);
const whole: Module<Tensor4D<8, 3, 4, 4>, Tensor2D<8, 10>> = net;
// @ts-expect-error: training takes tensors with a tape
const wrongMode: ModuleMut<Tensor4D<8, 3, 4, 4>, Tensor4D<8, 3, 4, 4>> = new BatchNorm2D(3);
// @ts-expect-error: returns 10 columns
const wrongResult: Module<Tensor4D<8, 3, 4, 4>, Tensor2D<8, 11>> = net;

// A user-defined module is a layer.
class Halves implements Module<Tensor2D<number, 4>, Tensor2D<number, 2>> {
  forward(x: Tensor2D<number, 4>): Tensor2D<number, 2> {
    return x.matmul(Tensor.zeros([4, 2]));
  }
}
const mixed = new Sequential(new Linear(7, 4), new Halves(), new Linear(2, 1));
const mixedResult = mixed.forward(Tensor.zeros([5, 7]));
check<Equal<typeof mixedResult, Tensor2D<number, 1>>>();
new Sequential(
  new Linear(7, 5),
  // @ts-expect-error: takes 4 columns
  new Halves(),
);
new Sequential(
  new Halves(),
  // @ts-expect-error: returns 2 columns
  new Linear(3, 1),
);

// Widening.
const wide: Sequential<readonly [BatchNorm2D<number>, ReLU, Flatten2D, Linear<number, number>]> = net;
export { inference, training, linear, whole, wrongMode, wrongResult, wide };

// Frozen batch norm has one mode, which accepts tensors with and without a tape.
const frozen = FrozenBatchNorm2D.from(new BatchNorm2D(3), { trainable: true });
const still = frozen.forward(images);
check<Equal<typeof still, Tensor4D<8, 3, 4, 4>>>();
const tuned = frozen.forward(images.trace());
check<Equal<typeof tuned, Tensor4D<8, 3, 4, 4, OwnedTape>>>();
// @ts-expect-error: 5 channels
frozen.forward(Tensor.zeros([5, 2, 2]));
// @ts-expect-error: has no training mode
frozen.forwardMut(images.trace());
// @ts-expect-error: a layer with changing statistics is not a frozen one
const notFrozen: FrozenBatchNorm2D<3> = new BatchNorm2D(3);
const tuning = new Sequential(frozen, new Flatten2D(), new Linear(48, 2)).forwardMut(images.trace());
check<Equal<typeof tuning, Tensor2D<8, 2, OwnedTape>>>();

// Recalibration takes the same batches as the module.
recalibrate(net, [images]);
// @ts-expect-error: 4 channels
recalibrate(net, [Tensor.zeros([8, 4, 4, 4])]);
export { notFrozen };
