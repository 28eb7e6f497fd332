// Norms of single samples: expressions that compile, with their exact types, and expressions that must not compile.
import {
  Conv2D,
  GroupNorm,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  LayerNorm,
  Linear,
  type OwnedTape,
  ReLU,
  RMSNorm,
  Sequential,
  Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

declare const n: number;
declare const flag: boolean;

const group = new GroupNorm(2, 6);
check<Equal<typeof group, GroupNorm<6>>>();
check<Equal<typeof group.scale, Tensor1D<6>>>();
const inferred = group.forward(Tensor.zeros([8, 6, 5, 5]));
check<Equal<typeof inferred, Tensor4D<8, 6, 5, 5>>>();
const trained = group.forward(Tensor.zeros([8, 6]).trace());
check<Equal<typeof trained, Tensor2D<8, 6, OwnedTape>>>();
group.forward(Tensor.zeros([n, n, n]));
const wide: GroupNorm<number> = group;
wide.forward(Tensor.zeros([8, 5]));

// Without parameters, the fields are undefined.
const plain = new GroupNorm(2, 6, { affine: false });
check<Equal<typeof plain.scale, undefined>>();
const either = new GroupNorm(2, 6, { affine: flag });
check<Equal<typeof either.bias, Tensor1D<6> | undefined>>();
const settings = new GroupNorm(2, 6, { epsilon: 1e-3 });
check<Equal<typeof settings.bias, Tensor1D<6>>>();
const instance = new InstanceNorm2D(3);
check<Equal<typeof instance.scale, undefined>>();
const affine = new InstanceNorm2D(3, { affine: true });
check<Equal<typeof affine.scale, Tensor1D<3>>>();

const signal = new InstanceNorm1D(3).forward(Tensor.zeros([3, 8]));
check<Equal<typeof signal, Tensor2D<3, 8>>>();
const image = instance.forward(Tensor.zeros([3, 8, 8]).trace());
check<Equal<typeof image, Tensor3D<3, 8, 8, OwnedTape>>>();
const volume = new InstanceNorm3D(3).forward(Tensor.zeros([3, 2, 2, 2]));
check<Equal<typeof volume, Tensor4D<3, 2, 2, 2>>>();

const layer = new LayerNorm(64);
check<Equal<typeof layer, LayerNorm<64>>>();
check<Equal<typeof layer.scale, Tensor1D<64>>>();
const words = layer.forward(Tensor.zeros([8, 10, 64]).trace());
check<Equal<typeof words, Tensor3D<8, 10, 64, OwnedTape>>>();
const row = layer.forward(Tensor.zeros([64]));
check<Equal<typeof row, Tensor1D<64>>>();
const images = new LayerNorm([3, 5, 5]);
check<Equal<typeof images.normalizedShape, readonly [3, 5, 5]>>();
check<Equal<typeof images.bias, Tensor3D<3, 5, 5>>>();
images.forward(Tensor.zeros([2, 3, 5, 5]));
images.forward(Tensor.zeros([3, n, 5]));
const rms = new RMSNorm(64, { affine: false });
check<Equal<typeof rms.scale, undefined>>();
rms.forward(Tensor.zeros([8, 64]));
const anyLayer: LayerNorm<number> = layer;
anyLayer.forward(Tensor.zeros([8, 5]));
new LayerNorm([n, n]).forward(Tensor.zeros([8, 5, 4]));
declare const shape: readonly number[];
new LayerNorm(shape).forward(Tensor.zeros([8, 5, 4]));
const mlp = new Sequential(
  new Linear(4, 16),
  new LayerNorm(16),
  new ReLU(),
  new RMSNorm(16),
  new Linear(16, 3),
);
const logits = mlp.forwardMut(Tensor.zeros([32, 4]).trace());
check<Equal<typeof logits, Tensor2D<32, 3, OwnedTape>>>();

// In a network.
const net = new Sequential(
  new Conv2D(3, 8, 3, { padding: 1 }),
  new GroupNorm(4, 8),
  new ReLU(),
  new InstanceNorm2D(8),
);
const y = net.forward(Tensor.zeros([2, 3, 9, 9]));
check<Equal<typeof y, Tensor4D<2, 8, 9, 9>>>();
const z = net.forwardMut(Tensor.zeros([2, 3, 9, 9]).trace());
check<Equal<typeof z, Tensor4D<2, 8, 9, 9, OwnedTape>>>();

// @ts-expect-error: 5 channels
group.forward(Tensor.zeros([8, 5, 3]));
// @ts-expect-error: no channels
group.forward(Tensor.zeros([6]));
// @ts-expect-error: 5 channels
instance.forward(Tensor.zeros([2, 5, 3, 3]));
// @ts-expect-error: an image
new InstanceNorm1D(3).forward(Tensor.zeros([2, 3, 3, 3]));
// @ts-expect-error: a table has no positions
new InstanceNorm3D(3).forward(Tensor.zeros([2, 3]));
// @ts-expect-error: 63 columns
layer.forward(Tensor.zeros([8, 63]));
// @ts-expect-error: no axis of size 3
images.forward(Tensor.zeros([5, 5]));
// @ts-expect-error: other sizes
images.forward(Tensor.zeros([2, 3, 5, 4]));
// @ts-expect-error: RMS norm has no bias
rms.bias;
// @ts-expect-error: 16 columns
new Sequential(new Linear(4, 16), new LayerNorm(8)).forward(Tensor.zeros([32, 4]));
// @ts-expect-error: no such option
new InstanceNorm2D(3, { momentum: 0.1 });
// @ts-expect-error: 4 channels after a layer with 8
new Sequential(new Conv2D(3, 8, 3), new GroupNorm(2, 4)).forward(Tensor.zeros([2, 3, 9, 9]));
