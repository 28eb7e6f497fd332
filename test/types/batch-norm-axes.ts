// BatchNorm1D and BatchNorm3D: expressions that compile, with their exact types, and expressions that must not compile.
import {
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  FrozenBatchNorm2D,
  Linear,
  type OwnedTape,
  ReLU,
  Sequential,
  Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  type Tensor5D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

declare const n: number;
const one = new BatchNorm1D(3);
const three = new BatchNorm3D(3);
check<Equal<typeof one, BatchNorm1D<3>>>();

const table = one.forward(Tensor.zeros([8, 3]));
check<Equal<typeof table, Tensor2D<8, 3>>>();
const signal = one.forward(Tensor.zeros([3, 8]));
check<Equal<typeof signal, Tensor2D<3, 8>>>();
const signals = one.forwardMut(Tensor.zeros([8, 3, 5]).trace());
check<Equal<typeof signals, Tensor3D<8, 3, 5, OwnedTape>>>();
const volume = three.forward(Tensor.zeros([3, 2, 2, 2]));
check<Equal<typeof volume, Tensor4D<3, 2, 2, 2>>>();
const volumes = three.forwardMut(Tensor.zeros([8, 3, 2, 2, 2]).trace());
check<Equal<typeof volumes, Tensor5D<8, 3, 2, 2, 2, OwnedTape>>>();

// An unknown size compiles.
one.forward(Tensor.zeros([n, n]));
one.forward(Tensor.zeros([n, 3, n]));
new BatchNorm1D(n).forward(Tensor.zeros([8, 5]));
three.forward(Tensor.zeros([n, n, n, n, n]));
const wide: BatchNorm1D<number> = one;
wide.forward(Tensor.zeros([8, 5]));

// In a network on tables.
const mlp = new Sequential(new Linear(4, 16), new BatchNorm1D(16), new ReLU(), new Linear(16, 3));
const logits = mlp.forwardMut(Tensor.zeros([32, 4]).trace());
check<Equal<typeof logits, Tensor2D<32, 3, OwnedTape>>>();

// @ts-expect-error: neither axis is 3
one.forward(Tensor.zeros([8, 5]));
// @ts-expect-error: 5 channels
one.forward(Tensor.zeros([8, 5, 3]));
// @ts-expect-error: images
one.forward(Tensor.zeros([8, 3, 2, 2]));
// @ts-expect-error: a tape
one.forward(Tensor.zeros([8, 3]).trace());
// @ts-expect-error: no tape
one.forwardMut(Tensor.zeros([8, 3]));
// @ts-expect-error: images have no depth
three.forward(Tensor.zeros([3, 2, 2]));
// @ts-expect-error: 4 channels
three.forward(Tensor.zeros([8, 4, 2, 2, 2]));
// @ts-expect-error: volumes are not images
new BatchNorm2D(3).forward(Tensor.zeros([8, 3, 2, 2, 2]));
// @ts-expect-error: 16 channels are not 8
new Sequential(new Linear(4, 16), new BatchNorm1D(8)).forward(Tensor.zeros([32, 4]));

// Without scale and bias, the fields are undefined.
declare const flag: boolean;
const plain = new BatchNorm2D(3, { affine: false });
check<Equal<typeof plain, BatchNorm2D<3, false>>>();
check<Equal<typeof plain.scale, undefined>>();
check<Equal<typeof plain.runningMean, Tensor1D<3>>>();
const plainOutput = plain.forwardMut(Tensor.zeros([8, 3, 4, 4]).trace());
check<Equal<typeof plainOutput, Tensor4D<8, 3, 4, 4, OwnedTape>>>();
const either = new BatchNorm1D(3, { affine: flag });
check<Equal<typeof either.bias, Tensor1D<3> | undefined>>();
const settings = new BatchNorm3D(3, { momentum: 'cumulative' });
check<Equal<typeof settings.scale, Tensor1D<3>>>();
const frozenPlain = FrozenBatchNorm2D.from(plain);
check<Equal<typeof frozenPlain, FrozenBatchNorm2D<3, false>>>();
const read = BatchNorm2D.fromJSON({});
check<Equal<typeof read.scale, Tensor1D<number> | undefined>>();
// @ts-expect-error: no scale
plain.scale.data;
// @ts-expect-error: a layer with parameters
const withParameters: BatchNorm2D<3> = plain;
// @ts-expect-error: a boolean
new BatchNorm2D(3, { affine: 0 });
// @ts-expect-error: only `trainable`
FrozenBatchNorm2D.from(plain, { affine: true });

// Channels in the last axis.
const last = new BatchNorm2D(3, { channelsLast: true });
check<Equal<typeof last, BatchNorm2D<3, true, true>>>();
const lastOutput = last.forwardMut(Tensor.zeros([8, 4, 5, 3]).trace());
check<Equal<typeof lastOutput, Tensor4D<8, 4, 5, 3, OwnedTape>>>();
const frozenLast = FrozenBatchNorm2D.from(last);
check<Equal<typeof frozenLast, FrozenBatchNorm2D<3, true, true>>>();
last.forward(Tensor.zeros([4, n, 3]));
const wideLast: BatchNorm2D<number, true, true> = last;
new BatchNorm1D(3, { channelsLast: true }).forward(Tensor.zeros([8, 100, 3]));
new BatchNorm3D(3, { affine: false, channelsLast: true }).forward(Tensor.zeros([2, 2, 2, 3]));
wideLast.forward(Tensor.zeros([2, 2, 5]));
// @ts-expect-error: 4 channels
last.forward(Tensor.zeros([8, 3, 4, 4]));
// @ts-expect-error: a table
last.forward(Tensor.zeros([8, 3]));
// @ts-expect-error: channels in front
const front: BatchNorm2D<3> = last;
// @ts-expect-error: 3 channels in front
new Sequential(last).forward(Tensor.zeros([8, 3, 4, 4]));
