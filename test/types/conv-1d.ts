// Convolutions of signals.
import {
  BatchNorm1D,
  Conv1D,
  fold,
  type OwnedTape,
  ReLU,
  Sequential,
  Tensor,
  type Tensor2D,
  type Tensor3D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const plain = new Conv1D(3, 16, 5);
check<Equal<typeof plain, Conv1D<3, 16, 5>>>();
check<Equal<typeof plain.weight, Tensor3D<16, 3, 5>>>();
const shorter = plain.forward(Tensor.zeros([8, 3, 100]));
check<Equal<typeof shorter, Tensor3D<8, 16, 96>>>();
const traced = plain.forward(Tensor.zeros([3, 32]).trace());
check<Equal<typeof traced, Tensor2D<16, 28, OwnedTape>>>();
const causal = new Conv1D(3, 8, 3, { padding: [4, 0], dilation: 2 }).forward(Tensor.zeros([3, 50]));
check<Equal<typeof causal, Tensor2D<8, 50>>>();
const kept = new Conv1D(3, 8, 4, { padding: 'same' }).forward(Tensor.zeros([3, 51]));
check<Equal<typeof kept, Tensor2D<8, 51>>>();
const depthwise = new Conv1D(8, 16, 3, { stride: 2, groups: 8 });
check<Equal<typeof depthwise, Conv1D<8, 16, 3, 2, 0, 1, 8>>>();
check<Equal<typeof depthwise.weight, Tensor3D<16, 1, 3>>>();

declare const n: number;
const unknown = plain.forward(Tensor.zeros([n, 3, n]));
check<Equal<typeof unknown, Tensor3D<number, 16, number>>>();

// @ts-expect-error: 4 channels
plain.forward(Tensor.zeros([8, 4, 32]));
// @ts-expect-error: rank 4
plain.forward(Tensor.zeros([8, 3, 32, 1]));
// @ts-expect-error: a kernel of 5 does not fit into 4 values
plain.forward(Tensor.zeros([3, 4]));

const net = new Sequential(new Conv1D(2, 4, 3), new BatchNorm1D(4), new ReLU());
const signals = net.forward(Tensor.zeros([6, 2, 12]));
check<Equal<typeof signals, Tensor3D<6, 4, 10>>>();
const [first] = fold(net).layers;
check<Equal<typeof first, Conv1D<2, 4, 3>>>();
new Sequential(
  new Conv1D(2, 4, 3),
  // @ts-expect-error: 4 channels, not 5
  new Conv1D(5, 4, 3),
);

const wide: Conv1D<number, number, number, number, number | 'same', number, number> = depthwise;
export { wide };
