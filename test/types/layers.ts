// Pooling, activations, dropout, generalized residuals and losses: shapes and modes through the types.
import {
  Abs,
  AvgPool1D,
  AvgPool2D,
  AdaptiveAvgPool1D,
  AdaptiveAvgPool2D,
  AvgPoolGlobal,
  BatchNorm2D,
  binaryCrossEntropyWithLogitsLoss,
  Dropout,
  DropoutOneIn,
  Flatten,
  Flatten2D,
  GeLU,
  GeneralizedResidual,
  huberLoss,
  LeakyReLU,
  Linear,
  MaxPool1D,
  MaxPool2D,
  mseLoss,
  type OwnedTape,
  ReLU,
  Sequential,
  Sigmoid,
  Softmax,
  Square,
  Tanh,
  Tensor,
  type Tensor0D,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const images = Tensor.zeros([8, 3, 10, 7]);
declare const n: number;

// dfdx's sizes.
const stride1 = new MaxPool2D(3).forward(images);
check<Equal<typeof stride1, Tensor4D<8, 3, 8, 5>>>();
const stride2 = new MaxPool2D(3, { stride: 2 }).forward(images);
check<Equal<typeof stride2, Tensor4D<8, 3, 4, 3>>>();
const padded = new AvgPool2D(3, { stride: 1, padding: 1 }).forward(images.trace());
check<Equal<typeof padded, Tensor4D<8, 3, 10, 7, OwnedTape>>>();
const one = new AvgPool2D(4, { stride: 3, padding: 2 }).forward(Tensor.zeros([3, 224, 112]));
check<Equal<typeof one, Tensor3D<3, 75, 38>>>();
// Unknown sizes, or sizes beyond the compiler's arithmetic.
const unknown = new MaxPool2D(2, { stride: 2 }).forward(Tensor.zeros([8, 3, n, 8]));
check<Equal<typeof unknown, Tensor4D<8, 3, number, 4>>>();
const anyKernel = new MaxPool2D(n).forward(images);
check<Equal<typeof anyKernel, Tensor4D<8, 3, number, number>>>();
const large = new MaxPool2D(2).forward(Tensor.zeros([1, 1, 5000, 4]));
check<Equal<typeof large, Tensor4D<1, 1, number, 3>>>();
const wide: MaxPool2D<number, number, number> = new MaxPool2D(2, { stride: 2 });
const rectangle = new MaxPool2D([3, 2], { stride: [1, 2], padding: [1, 0] }).forward(images);
check<Equal<typeof rectangle, Tensor4D<8, 3, 10, 3>>>();
const sides = new AvgPool2D(2, { padding: [0, 1, 1, 0] }).forward(images);
check<Equal<typeof sides, Tensor4D<8, 3, 10, 7>>>();
const dilated = new MaxPool2D(3, { dilation: [4, 2] }).forward(images);
check<Equal<typeof dilated, Tensor4D<8, 3, 2, 3>>>();
// The last window may reach beyond the padding, but not begin there.
const ceil = new MaxPool2D(2, { stride: 2, ceilMode: true }).forward(images);
check<Equal<typeof ceil, Tensor4D<8, 3, 5, 4>>>();
const ceilPadded = new AvgPool2D(2, { stride: [3, 2], padding: 1, ceilMode: true }).forward(images);
check<Equal<typeof ceilPadded, Tensor4D<8, 3, 4, 4>>>();
declare const flag: boolean;
const either = new MaxPool2D(2, { stride: 2, ceilMode: flag }).forward(images);
check<Equal<typeof either, Tensor4D<8, 3, number, number>>>();
// @ts-expect-error: not one window
new MaxPool2D([2, 4], { dilation: [1, 3] }).forward(images);
// @ts-expect-error: three numbers
new MaxPool2D([2, 2, 2]);
// @ts-expect-error: the mean has no dilation
new AvgPool2D(2, { dilation: 2 });
const signals = Tensor.zeros([8, 16, 100]);
const short = new MaxPool1D(3, { stride: 2, padding: 1 }).forward(signals.trace());
check<Equal<typeof short, Tensor3D<8, 16, 50, OwnedTape>>>();
const shortest = new AvgPool1D(6, { stride: 4, ceilMode: true }).forward(Tensor.zeros([2, 9]));
check<Equal<typeof shortest, Tensor2D<2, 2>>>();
const four = new AdaptiveAvgPool1D(4).forward(signals);
check<Equal<typeof four, Tensor3D<8, 16, 4>>>();
const signalChain = new Sequential(new MaxPool1D(2, { stride: 2 }), new AvgPool1D(5, { stride: 5 })).forward(
  signals,
);
check<Equal<typeof signalChain, Tensor3D<8, 16, 10>>>();
// @ts-expect-error: images
new MaxPool1D(2).forward(images);
// @ts-expect-error: not one window
new AvgPool1D(8).forward(Tensor.zeros([2, 7]));
// @ts-expect-error: a signal has one axis
new MaxPool1D([2, 2]);

// @ts-expect-error: average pooling is not max pooling
const mean: MaxPool2D<2> = new AvgPool2D(2);
// @ts-expect-error: not one window
new MaxPool2D(11).forward(images);
// @ts-expect-error: rank 2
new AvgPool2D(2).forward(Tensor.zeros([8, 3]));

const pooled = new AvgPoolGlobal().forward(images.trace());
check<Equal<typeof pooled, Tensor2D<8, 3, OwnedTape>>>();
const adapted = new AdaptiveAvgPool2D([2, 3]).forward(images.trace());
check<Equal<(typeof adapted)['shape'], readonly [8, 3, 2, 3]>>();
const adaptedOne = new AdaptiveAvgPool2D(7).forward(Tensor.zeros([3, 30, 45]));
check<Equal<(typeof adaptedOne)['shape'], readonly [3, 7, 7]>>();
const pooledOne = new AvgPoolGlobal().forward(Tensor.zeros([3, 2, 2]));
check<Equal<typeof pooledOne, Tensor1D<3>>>();
// @ts-expect-error: rank 2
new AvgPoolGlobal().forward(Tensor.zeros([8, 3]));

// In a composition.
const net = new Sequential(
  new BatchNorm2D(3),
  new GeLU(),
  new MaxPool2D(2, { stride: 2 }),
  new Dropout(0.2),
  new AvgPoolGlobal(),
  new Linear(3, 10),
  new Softmax(),
);
const probabilities = net.forward(images);
check<Equal<typeof probabilities, Tensor2D<8, 10>>>();
const halved = new Sequential(new Tanh(), new MaxPool2D(2, { stride: 2 })).forward(Tensor.zeros([2, 8, 6]));
check<Equal<typeof halved, Tensor3D<2, 4, 3>>>();
new Sequential(
  new MaxPool2D(2),
  // @ts-expect-error: images instead of rows
  new Linear(3, 10),
);
new Sequential(
  new AvgPoolGlobal(),
  // @ts-expect-error: rows instead of images
  new MaxPool2D(2),
);
new Sequential(
  new BatchNorm2D(3),
  new AvgPoolGlobal(),
  // @ts-expect-error: 3 columns, not 4
  new Linear(4, 10),
);
// @ts-expect-error: no window fits into the output of the first
new Sequential(new MaxPool2D(7), new MaxPool2D(7)).forward(images);

// Activations keep shape and tape.
const activated = new LeakyReLU(0.1).forward(images.trace());
check<Equal<typeof activated, Tensor4D<8, 3, 10, 7, OwnedTape>>>();
const absolute = new Abs().forward(Tensor.zeros([4]));
check<Equal<typeof absolute, Tensor1D<4>>>();
// @ts-expect-error: layers with different names
const sigmoid: Sigmoid = new Tanh();

// Dropout has modes.
const dropped = new DropoutOneIn(4).forwardMut(images.trace());
check<Equal<typeof dropped, Tensor4D<8, 3, 10, 7, OwnedTape>>>();
// @ts-expect-error: has a tape
new Dropout(0.5).forward(images.trace());
// @ts-expect-error: has no tape
new Dropout(0.5).forwardMut(images);
// @ts-expect-error: one in 3 is not one in 2
const oneInTwo: DropoutOneIn<2> = new DropoutOneIn(3);

// Two branches.
const block = new GeneralizedResidual(new Sequential(new Linear(4, 8), new ReLU()), new Linear(4, 8));
const rows = block.forwardMut(Tensor.zeros([5, 4]).trace());
check<Equal<typeof rows, Tensor2D<5, 8, OwnedTape>>>();
const squares = new GeneralizedResidual(new ReLU(), new Square()).forward(Tensor.zeros([5]));
check<Equal<typeof squares, Tensor1D<5>>>();
const chain = new Sequential(new Linear(3, 4), block, new Linear(8, 2)).forward(Tensor.zeros([5, 3]));
check<Equal<typeof chain, Tensor2D<5, 2>>>();
// @ts-expect-error: 3 columns, not 4
block.forward(Tensor.zeros([5, 3]));
// @ts-expect-error: one branch takes images
new GeneralizedResidual(new ReLU(), new Flatten2D()).forward(Tensor.zeros([5, 3]));
// @ts-expect-error: 8 columns and 7
new GeneralizedResidual(new Linear(4, 8), new Linear(4, 7)).forward(Tensor.zeros([5, 4]));
new Sequential(
  block,
  // @ts-expect-error: 8 columns, not 4
  new Linear(4, 2),
);

// A layer without bias has none in its type.
const unbiased = new Linear(4, 8, { bias: false });
check<Equal<typeof unbiased.bias, undefined>>();
const biased = new Linear(4, 8, { rng: Math.random });
check<Equal<typeof biased.bias, Tensor1D<8>>>();
const onTop = new Sequential(new Linear(3, 4), unbiased).forward(Tensor.zeros([5, 3]));
check<Equal<typeof onTop, Tensor2D<5, 8>>>();

// Flatten joins the axes from any axis on.
const flat = new Flatten().forward(images);
check<Equal<typeof flat, Tensor2D<8, number>>>();
const planes = new Flatten(2).forward(images.trace());
check<Equal<typeof planes, Tensor3D<8, 3, number, OwnedTape>>>();
const between = new Sequential(new Flatten(2), new Flatten(1)).forward(images);
check<Equal<typeof between, Tensor2D<8, number>>>();
// @ts-expect-error: no axis 2
new Flatten(2).forward(Tensor.zeros([8, 3]));
new Flatten(n).forward(images);

// Losses.
const loss = mseLoss(rows, Tensor.zeros([5, 8]));
check<Equal<typeof loss, Tensor0D<OwnedTape>>>();
const untaped = binaryCrossEntropyWithLogitsLoss(images, Tensor.zeros([n, 3, 10, 7]));
check<Equal<typeof untaped, Tensor0D>>();
// @ts-expect-error: a different shape
mseLoss(rows, Tensor.zeros([5, 7]));
// @ts-expect-error: targets with a tape
mseLoss(rows, Tensor.zeros([5, 8]).trace());
huberLoss(rows, Tensor.zeros([5, 8]));
const eachLoss = mseLoss(rows, Tensor.zeros([5, 8]), { reduction: 'none' });
check<Equal<typeof eachLoss, Tensor2D<5, 8, OwnedTape>>>();
const lossSum = huberLoss(rows, Tensor.zeros([5, 8]), { delta: 2, reduction: 'sum' });
check<Equal<typeof lossSum, Tensor0D<OwnedTape>>>();
const weighted = binaryCrossEntropyWithLogitsLoss(images, images, {
  posWeight: Tensor.zeros([3, 1, 1]),
  reduction: 'none',
});
check<Equal<typeof weighted, typeof images>>();
binaryCrossEntropyWithLogitsLoss(rows, Tensor.zeros([5, 8]), { posWeight: 2 });
// @ts-expect-error: not a reduction
mseLoss(rows, Tensor.zeros([5, 8]), { reduction: 'average' });
// @ts-expect-error: weights with a tape
binaryCrossEntropyWithLogitsLoss(rows, Tensor.zeros([5, 8]), { posWeight: rows });
// @ts-expect-error: delta is an option
huberLoss(rows, Tensor.zeros([5, 8]), 1);
export { wide, mean, sigmoid, oneInTwo };
