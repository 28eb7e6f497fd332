// Expressions that compile, with their exact types, and expressions that must not compile.
import {
  backward,
  BatchNorm2D,
  type OwnedTape,
  Sgd,
  Tensor,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const bn = new BatchNorm2D(3);
const x3 = Tensor.zeros([3, 2, 2]);
const x4 = Tensor.zeros([4, 3, 2, 2]);
declare const n: number;

// Known sizes.
check<Equal<typeof bn, BatchNorm2D<3>>>();
check<Equal<typeof bn.scale, Tensor1D<3>>>();
const y3 = bn.forward(x3);
check<Equal<typeof y3, Tensor3D<3, 2, 2>>>();
const y4 = bn.forward(x4);
check<Equal<typeof y4, Tensor4D<4, 3, 2, 2>>>();
const trained3 = bn.forwardMut(x3.trace());
check<Equal<typeof trained3, Tensor3D<3, 2, 2, OwnedTape>>>();
const trained4 = bn.forwardMut(x4.trace());
check<Equal<typeof trained4, Tensor4D<4, 3, 2, 2, OwnedTape>>>();

// Training from end to end.
const gradients = backward(trained4.exp().mean());
const gradient = gradients.get(bn.scale);
check<Equal<typeof gradient, Tensor1D<3> | undefined>>();
new Sgd({ lr: 0.01 }).update(bn, gradients);

// An unknown size compiles where a known one is expected, and vice versa.
bn.forward(Tensor.zeros([n, 3, n, n]));
const unknown4 = bn.forward(Tensor.zeros([n, n, n, n]));
check<Equal<typeof unknown4, Tensor4D<number, number, number, number>>>();
const unknownBn = new BatchNorm2D(n);
check<Equal<typeof unknownBn, BatchNorm2D<number>>>();
unknownBn.forward(x4);
unknownBn.forwardMut(x3.trace());

// A layer can be widened but not narrowed.
const wide: BatchNorm2D<number> = bn;
wide.forward(Tensor.zeros([4, 5, 2, 2]));
// @ts-expect-error: number is not necessarily 3
const narrow: BatchNorm2D<3> = wide;
// @ts-expect-error: 3 is not 5
const other: BatchNorm2D<5> = bn;

// A union of both ranks.
declare const either: Tensor3D<3, 2, 2> | Tensor4D<4, 3, 2, 2>;
const yEither = bn.forward(either);
check<Equal<typeof yEither, Tensor3D<3, 2, 2> | Tensor4D<4, 3, 2, 2>>>();
declare const eitherTraced: Tensor3D<3, 2, 2, OwnedTape> | Tensor4D<4, 3, 2, 2, OwnedTape>;
bn.forwardMut(eitherTraced);
declare const oneWrong: Tensor3D<3, 2, 2> | Tensor4D<4, 5, 2, 2>;
// @ts-expect-error: one member has 5 channels
bn.forward(oneWrong);
declare const oneOfWrongRank: Tensor3D<3, 2, 2> | Tensor1D<3>;
// @ts-expect-error: one member has rank 1
bn.forward(oneOfWrongRank);

// The mode is part of the type.
// @ts-expect-error: forward takes tensors without a tape
bn.forward(x4.trace());
// @ts-expect-error: forwardMut takes tensors with a tape
bn.forwardMut(x4);
declare const maybeTraced: typeof x4 | Tensor4D<4, 3, 2, 2, OwnedTape>;
// @ts-expect-error: may have a tape
bn.forward(maybeTraced);
// @ts-expect-error: may have no tape
bn.forwardMut(maybeTraced);

// Channels and rank.
// @ts-expect-error: 5 is not 3
bn.forward(Tensor.zeros([4, 5, 2, 2]));
// @ts-expect-error: 5 is not 3
bn.forwardMut(Tensor.zeros([5, 2, 2]).trace());
// @ts-expect-error: rank 2
bn.forward(Tensor.zeros([4, 3]));
// @ts-expect-error: rank 5
bn.forward(Tensor.zeros([1, 4, 3, 2, 2]));
// @ts-expect-error: not a tensor
bn.forward([1, 2, 3]);

// Options and fields.
bn.momentum = 'cumulative';
bn.epsilon = 1e-3;
// @ts-expect-error: no such momentum
bn.momentum = 'average';
// @ts-expect-error: misspelt
new BatchNorm2D(3, { eps: 1e-5 });
// @ts-expect-error: the tensors themselves are fixed
bn.scale = Tensor.ones([3]);
export { narrow, other };
