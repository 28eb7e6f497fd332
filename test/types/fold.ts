// The types of folded networks and of batch norm fused with the next ReLU.
import {
  BatchNorm1D,
  BatchNorm2D,
  Conv2D,
  fold,
  FrozenBatchNorm1D,
  Linear,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  Tensor,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const x = Tensor.zeros([2, 3, 8, 8]);
const net = new Sequential(
  new Conv2D(3, 16, 3),
  new BatchNorm2D(16),
  new ReLU(),
  new Residual(new Sequential(new BatchNorm2D(16), new ReLU())),
);
const folded = fold(net);
const y = folded.forward(x);
check<Equal<typeof y, Tensor4D<2, 16, 6, 6>>>();
const first = folded.layers[0];
check<Equal<typeof first, Conv2D<3, 16, 3>>>();
check<Equal<(typeof folded.layers)['length'], 3>>();
// @ts-expect-error: 4 is not 3
folded.forward(Tensor.zeros([2, 4, 8, 8]));
// @ts-expect-error: not a composition
fold(new ReLU());

const mlp = fold(
  new Sequential(
    new Linear(4, 16, { bias: false }),
    new BatchNorm1D(16, { affine: false }),
    new ReLU(),
    new Linear(16, 8),
    FrozenBatchNorm1D.from(new BatchNorm1D(8)),
    new Linear(8, 2, { bias: false }),
  ),
);
check<Equal<(typeof mlp.layers)['length'], 4>>();
const linear = mlp.layers[0];
check<Equal<typeof linear, Linear<4, 16>>>();
const head: Linear<8, 2, false> = mlp.layers[3];
head.forward(Tensor.zeros([1, 8]));
const logits = mlp.forward(Tensor.zeros([3, 4]));
check<Equal<typeof logits, Tensor2D<3, 2>>>();

const bn = new BatchNorm2D(3);
const residual = Tensor.zeros([2, 3, 8, 8]);
const inferred = bn.forwardRelu(x, residual);
check<Equal<typeof inferred, Tensor4D<2, 3, 8, 8>>>();
const trained = bn.forwardMutRelu(x.trace(), residual);
check<Equal<typeof trained, Tensor4D<2, 3, 8, 8, OwnedTape>>>();
bn.forwardMutRelu(x.trace(), residual.trace());
bn.forwardMutRelu(x.trace());
declare const n: number;
bn.forwardRelu(x, Tensor.zeros([n, 3, n, 8]));
// @ts-expect-error: a different shape
bn.forwardRelu(x, Tensor.zeros([2, 3, 8, 7]));
// @ts-expect-error: a residual with a tape in inference
bn.forwardRelu(x, residual.trace());
// @ts-expect-error: no tape
bn.forwardMutRelu(x);
// @ts-expect-error: a tape
bn.forwardRelu(x.trace());
// @ts-expect-error: 4 channels
bn.forwardRelu(Tensor.zeros([2, 4, 8, 8]));
