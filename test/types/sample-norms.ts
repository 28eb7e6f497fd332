// GroupNorm and InstanceNorm: expressions that compile, with their exact types, and expressions that must not compile.
import {
  Conv2D,
  GroupNorm,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  type OwnedTape,
  ReLU,
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
// @ts-expect-error: no such option
new InstanceNorm2D(3, { momentum: 0.1 });
// @ts-expect-error: 4 channels after a layer with 8
new Sequential(new Conv2D(3, 8, 3), new GroupNorm(2, 4)).forward(Tensor.zeros([2, 3, 9, 9]));
