// Convolutions: channels are always checked, sizes of images if the compiler knows them.
import {
  BatchNorm2D,
  Conv2D,
  Flatten2D,
  Linear,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const plain = new Conv2D(3, 16, 3);
check<Equal<typeof plain, Conv2D<3, 16, 3>>>();
const strided = new Conv2D(3, 8, 5, { stride: 2, padding: 1, bias: false });
check<Equal<typeof strided, Conv2D<3, 8, 5, 2, 1>>>();
check<Equal<typeof strided.weight, Tensor4D<8, 3, 5, 5>>>();
const unbiased = new Conv2D(3, 8, 1, { bias: false });
check<Equal<typeof unbiased, Conv2D<3, 8, 1>>>();

const smaller = plain.forward(Tensor.zeros([8, 3, 32, 30]));
check<Equal<typeof smaller, Tensor4D<8, 16, 30, 28>>>();
const traced = plain.forward(Tensor.zeros([3, 32, 32]).trace());
check<Equal<typeof traced, Tensor3D<16, 30, 30, OwnedTape>>>();
const halves = strided.forward(Tensor.zeros([8, 3, 224, 17]));
check<Equal<typeof halves, Tensor4D<8, 8, 111, 8>>>();
const sparse = new Conv2D(3, 1, 3, { stride: 10 }).forward(Tensor.zeros([3, 103, 3]));
check<Equal<typeof sparse, Tensor3D<1, 11, 1>>>();

// Unknown sizes, and sizes beyond the compiler's arithmetic, are numbers.
declare const n: number;
const unknown = plain.forward(Tensor.zeros([n, 3, n, 32]));
check<Equal<typeof unknown, Tensor4D<number, 16, number, 30>>>();
const large = plain.forward(Tensor.zeros([3, 4096, 64]));
check<Equal<typeof large, Tensor3D<16, number, 62>>>();
const anyStride = new Conv2D(3, 4, 3, { stride: n }).forward(Tensor.zeros([3, 8, 8]));
check<Equal<typeof anyStride, Tensor3D<4, number, number>>>();
plain.forward(Tensor.zeros([n, n, n]));

// @ts-expect-error: 4 channels
plain.forward(Tensor.zeros([8, 4, 32, 32]));
// @ts-expect-error: rank 2
plain.forward(Tensor.zeros([3, 32]));
// @ts-expect-error: a kernel of 3 does not fit into 2 rows
plain.forward(Tensor.zeros([3, 2, 8]));
// @ts-expect-error: a kernel of 3 does not fit into 2 columns
plain.forward(Tensor.zeros([1, 3, 8, 2]));
// @ts-expect-error: no such option
new Conv2D(3, 4, 3, { dilatation: 2 });

// Axes that differ, dilation, groups and padding on four sides or none.
const oblong = new Conv2D(3, 8, [3, 5], { stride: [1, 2], padding: [1, 0] });
check<Equal<typeof oblong, Conv2D<3, 8, readonly [3, 5], readonly [1, 2], readonly [1, 0]>>>();
check<Equal<typeof oblong.weight, Tensor4D<8, 3, 3, 5>>>();
const oblongImages = oblong.forward(Tensor.zeros([2, 3, 10, 11]));
check<Equal<typeof oblongImages, Tensor4D<2, 8, 10, 4>>>();
const dilated = new Conv2D(1, 1, 3, { dilation: [2, 4], padding: [0, 1, 2, 3] }).forward(
  Tensor.zeros([1, 9, 9]),
);
check<Equal<typeof dilated, Tensor3D<1, 7, 5>>>();
const kept = new Conv2D(2, 4, [2, 3], { padding: 'same', dilation: 2 }).forward(Tensor.zeros([2, 5, n]));
check<Equal<typeof kept, Tensor3D<4, 5, number>>>();
const depthwise = new Conv2D(12, 24, 3, { groups: 12 });
check<Equal<typeof depthwise, Conv2D<12, 24, 3, 1, 0, 1, 12>>>();
check<Equal<typeof depthwise.weight, Tensor4D<24, 1, 3, 3>>>();
const grouped = new Conv2D(12, 24, 3, { groups: 3 });
check<Equal<typeof grouped.weight, Tensor4D<24, 4, 3, 3>>>();
const anyGroups = new Conv2D(12, 24, 3, { groups: n });
check<Equal<typeof anyGroups.weight, Tensor4D<24, number, 3, 3>>>();
// @ts-expect-error: a kernel of 3 x 5 does not fit into 4 columns
oblong.forward(Tensor.zeros([3, 9, 4]));
// @ts-expect-error: a kernel of 3 with a dilation of 4 does not fit into 8 columns
new Conv2D(1, 1, 3, { dilation: 4 }).forward(Tensor.zeros([1, 9, 8]));
// @ts-expect-error: three numbers
new Conv2D(1, 1, 3, { padding: [1, 2, 3] });
// @ts-expect-error: no such padding
new Conv2D(1, 1, 3, { padding: 'valid' });

// A residual network.
const same = { padding: 1, bias: false } as const;
const net = new Sequential(
  new Conv2D(3, 16, 3, same),
  new BatchNorm2D(16),
  new ReLU(),
  new Residual(new Sequential(new Conv2D(16, 16, 3, same), new BatchNorm2D(16))),
  new Conv2D(16, 32, 3, { padding: 1, stride: 2 }),
  new Flatten2D(),
  new Linear(2048, 10),
);
const logits = net.forward(Tensor.zeros([64, 3, 16, 16]));
check<Equal<typeof logits, Tensor2D<64, 10>>>();
const images = new Sequential(new Conv2D(3, 4, 3), new Conv2D(4, 5, 3, { stride: 2 })).forwardMut(
  Tensor.zeros([2, 3, 11, 13]).trace(),
);
check<Equal<typeof images, Tensor4D<2, 5, 4, 5, OwnedTape>>>();
// @ts-expect-error: 1 channel
net.forward(Tensor.zeros([64, 1, 16, 16]));
new Sequential(
  new Conv2D(3, 16, 3),
  // @ts-expect-error: 16 channels, not 8
  new BatchNorm2D(8),
);
new Sequential(
  new Conv2D(3, 16, 3),
  // @ts-expect-error: 16 channels, not 8
  new Conv2D(8, 4, 3),
);
// @ts-expect-error: loses a row at each border
new Residual(new Conv2D(3, 3, 3)).forward(Tensor.zeros([3, 8, 8]));
// @ts-expect-error: a kernel of 3 does not fit into the output of the first
new Sequential(new Conv2D(1, 1, 3), new Conv2D(1, 1, 3)).forward(Tensor.zeros([1, 4, 4]));

// Widening.
const wide: Conv2D<number, number, number, number, number> = strided;
const any: Conv2D<
  number,
  number,
  number | readonly [number, number],
  number | readonly [number, number],
  number | 'same' | readonly [number, number],
  number,
  number
> = oblong;
export { any, wide };
