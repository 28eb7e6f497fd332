// Batch norm: forwardMut trains, forward infers, and the compiler tells them apart.
import { BatchNorm2D, Tensor } from 'batchnorm';

const bn = new BatchNorm2D(2); // BatchNorm2D<2>: two channels
const images = Tensor.from([1, 3, 10, 30, 5, 7, 50, 70], [2, 2, 1, 2]); // two images of 1 x 2 pixels

// Training normalizes each channel by the mean and variance of this batch ...
const y = bn.forwardMut(images.trace());
console.log(y.array()[0][0][0].map((value) => value.toFixed(2))); // [ '-1.34', '-0.45' ]

// ... and moves the running statistics a tenth of the way (momentum 0.1) to them.
console.log(bn.runningMean.array().map((mean) => mean.toFixed(2))); // [ '0.40', '4.00' ]
console.log(bn.runningVar.array().map((variance) => variance.toFixed(2))); // [ '1.57', '67.57' ]

// Inference uses the running statistics and changes nothing.
console.log(bn.forward(images).shape); // [ 2, 2, 1, 2 ]

// A single image, channels first, works like a batch.
console.log(bn.forward(Tensor.zeros([2, 4, 4])).shape); // [ 2, 4, 4 ]

// Mode and channels are part of the type: none of these lines compiles.
const mistakes = [
  // @ts-expect-error: has a tape, so it is for forwardMut
  () => bn.forward(images.trace()),
  // @ts-expect-error: has no tape, so it is for forward
  () => bn.forwardMut(images),
  // @ts-expect-error: 3 channels instead of 2
  () => bn.forward(Tensor.zeros([1, 3, 4, 4])),
];
console.log(mistakes.length); // 3
