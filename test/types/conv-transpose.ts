// Transposed convolutions.
import {
  ConvTranspose1D,
  ConvTranspose2D,
  type OwnedTape,
  Sequential,
  Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const twice = new ConvTranspose2D(16, 8, 4, { stride: 2, padding: 1 });
check<Equal<typeof twice, ConvTranspose2D<16, 8, 4, 2, 1>>>();
check<Equal<typeof twice.weight, Tensor4D<16, 8, 4, 4>>>();
const images = twice.forward(Tensor.zeros([4, 16, 14, 112]));
check<Equal<typeof images, Tensor4D<4, 8, 28, 224>>>();
const traced = twice.forward(Tensor.zeros([16, 7, 7]).trace());
check<Equal<typeof traced, Tensor3D<8, 14, 14, OwnedTape>>>();
const settings = {
  stride: [1, 3],
  padding: [0, 1, 2, 0],
  outputPadding: [0, 2],
  dilation: [2, 1],
  groups: 2,
} as const;
const oblong = new ConvTranspose2D(4, 6, [3, 2], settings);
check<Equal<typeof oblong.weight, Tensor4D<4, 3, 3, 2>>>();
const uneven = oblong.forward(Tensor.zeros([4, 5, 6]));
check<Equal<typeof uneven, Tensor3D<6, 7, 18>>>();
const signals = new ConvTranspose1D(2, 4, 3, { stride: 2, padding: [1, 0] }).forward(Tensor.zeros([2, 10]));
check<Equal<typeof signals, Tensor2D<4, 20>>>();

declare const n: number;
const unknown = twice.forward(Tensor.zeros([n, 16, n, 5]));
check<Equal<typeof unknown, Tensor4D<number, 8, number, 10>>>();
const large = twice.forward(Tensor.zeros([16, 4096, 5]));
check<Equal<typeof large, Tensor3D<8, number, 10>>>();
const chain = new Sequential(twice, new ConvTranspose2D(8, 1, 2, { stride: 2 })).forward(
  Tensor.zeros([2, 16, 7, 7]),
);
check<Equal<typeof chain, Tensor4D<2, 1, 28, 28>>>();

// @ts-expect-error: 8 channels
twice.forward(Tensor.zeros([4, 8, 14, 14]));
// @ts-expect-error: the padding leaves nothing
new ConvTranspose2D(1, 1, 3, { padding: 2 }).forward(Tensor.zeros([1, 5, 2]));
// @ts-expect-error: only convolutions have such a padding
new ConvTranspose2D(1, 1, 3, { padding: 'same' });

const wide: ConvTranspose2D<number, number, number, number, number, number> = twice;
export { wide };
