import {
  accuracy,
  concat,
  confusionMatrix,
  type CrossEntropyOptions,
  crossEntropyWithLogitsLoss,
  klDivWithLogitsLoss,
  Linear,
  type OwnedTape,
  type ReductionOptions,
  type Shape,
  stack,
  Tensor,
  type Tensor0D,
  type Tensor1D,
  type Tensor2D,
  topK,
  where,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

declare const n: number;
const a = Tensor.zeros([2, 3]);
const unknown = Tensor.zeros([n, n]);

// Right operands: a number, and shapes that broadcast.
a.add(1);
a.add(Tensor.zeros([]));
a.add(Tensor.zeros([2, 3]));
a.add(Tensor.zeros([3]));
a.add(unknown);
a.add(Tensor.zeros([n]));
unknown.add(a);
const plusOne = a.add(1);
check<Equal<typeof plusOne, Tensor2D<2, 3>>>();
const column = a.add(Tensor.zeros([2, 1]));
check<Equal<typeof column, Tensor2D<2, 3>>>();
const deeper = a.sub(Tensor.zeros([4, 1, 3]).trace());
check<Equal<typeof deeper, Tensor<readonly [4, 2, 3], OwnedTape>>>();
const both = Tensor.zeros([2, 1]).mul(Tensor.zeros([1, 3]));
check<Equal<typeof both, Tensor2D<2, 3>>>();
const repeated = Tensor.zeros([]).div(a);
check<Equal<typeof repeated, Tensor2D<2, 3>>>();
const partlyUnknown = Tensor.zeros([1, 3]).mul(Tensor.zeros([n, 1]));
check<Equal<typeof partlyUnknown, Tensor2D<number, 3>>>();
const ofUnknownRank = a.add(Tensor.zeros([2, 3]) as Tensor<Shape>);
check<Equal<typeof ofUnknownRank, Tensor<Shape>>>();
const larger = a.maximum(Tensor.zeros([2, 1]).trace());
check<Equal<typeof larger, Tensor<readonly [2, 3], OwnedTape>>>();
const mask = a.trace().greater(0);
check<Equal<typeof mask, Tensor2D<2, 3>>>();
const chosen = where(mask, a.trace(), 0);
check<Equal<typeof chosen, Tensor<readonly [2, 3], OwnedTape>>>();
const limited = a.clamp({ min: 0 }).pow(2);
check<Equal<typeof limited, Tensor2D<2, 3>>>();
// @ts-expect-error: 2 columns instead of 3
where(mask, Tensor.zeros([2]), 0);
// @ts-expect-error: 2 columns instead of 3
a.add(Tensor.zeros([2]));
// @ts-expect-error: 3 rows instead of 2
a.mul(Tensor.zeros([3, 1]));
// @ts-expect-error: not a tensor
a.div('2');

// Matrix products.
const product = a.matmul(Tensor.zeros([3, 5]));
check<Equal<typeof product, Tensor2D<2, 5>>>();
const unknownProduct = unknown.matmul(Tensor.zeros([3, 5]).trace());
check<Equal<typeof unknownProduct, Tensor2D<number, 5, OwnedTape>>>();
// @ts-expect-error: 3 columns times 2 rows
a.matmul(Tensor.zeros([2, 5]));
// @ts-expect-error: a vector
a.matmul(Tensor.zeros([3]));
// @ts-expect-error: a vector on the left
Tensor.zeros([3]).matmul(a);

// Shapes.
const reshaped = a.reshape([6]);
check<Equal<typeof reshaped, Tensor1D<6>>>();
const inferred = a.reshape([2, -1]);
check<Equal<typeof inferred, Tensor2D<2, number>>>();
const anyShape = a.reshape(a.shape as readonly number[]);
check<Equal<typeof anyShape, Tensor<readonly number[]>>>();
const turned = Tensor.zeros([2, 3, 5]).trace().permute([2, 0, -2]);
check<Equal<typeof turned, Tensor<readonly [5, 2, 3], OwnedTape>>>();
const transposed = a.transpose();
check<Equal<typeof transposed, Tensor2D<3, 2>>>();
const sliced = Tensor.zeros([2, 3, 5]).trace().slice({ axis: 1, start: 1 });
check<Equal<typeof sliced, Tensor<readonly [2, number, 5], OwnedTape>>>();
const slicedFromEnd = a.slice({ axis: -1, end: 1 });
check<Equal<typeof slicedFromEnd, Tensor2D<number, number>>>();
const joined = concat([Tensor.zeros([2, 3]), Tensor.zeros([4, 3]).trace()]);
check<Equal<typeof joined, Tensor<readonly [number, 3], OwnedTape>>>();
const joinedColumns = concat([Tensor.zeros([2, 3]), Tensor.zeros([2, 1])], { axis: 1 });
check<Equal<typeof joinedColumns, Tensor<readonly [2, number]>>>();
const stacked = stack([Tensor.zeros([2, 3]), Tensor.zeros([2, 3])]);
check<Equal<typeof stacked, Tensor<readonly [2, 2, 3]>>>();
const stackedColumns = stack([Tensor.zeros([2]), Tensor.zeros([2])], { axis: 1 });
check<Equal<typeof stackedColumns, Tensor2D<number, number>>>();
const exchanged = a.transpose(0, 1);
check<Equal<typeof exchanged, Tensor2D<number, number>>>();
const total = a.sum();
check<Equal<typeof total, Tensor0D>>();

// Reductions over axes.
const block = Tensor.zeros([2, 3, 5]);
const rowSums = block.trace().sum({ axes: -1 });
check<Equal<typeof rowSums, Tensor<readonly [2, 3], OwnedTape>>>();
const outerMeans = block.mean({ axes: [0, -1] });
check<Equal<typeof outerMeans, Tensor1D<3>>>();
const keptMeans = block.mean({ axes: [0, 2], keepDims: true });
check<Equal<typeof keptMeans, Tensor<readonly [1, 3, 1]>>>();
const allKept = a.sum({ keepDims: true });
check<Equal<typeof allKept, Tensor2D<1, 1>>>();
const allSummed = a.sum({});
check<Equal<typeof allSummed, Tensor0D>>();
const unknownSizes = unknown.sum({ axes: 0 });
check<Equal<typeof unknownSizes, Tensor1D<number>>>();
const unknownAxis = block.sum({ axes: n });
check<Equal<typeof unknownAxis, Tensor2D<number, number>>>();
const unknownAxisKept = a.sum({ axes: n, keepDims: true });
check<Equal<typeof unknownAxisKept, Tensor2D<number, number>>>();
const unknownAxes = block.sum({ axes: [n] as readonly number[] });
check<Equal<typeof unknownAxes, Tensor<Shape>>>();
const perhapsKept = block.sum({ axes: 0, keepDims: n > 0 });
check<Equal<typeof perhapsKept, Tensor<Shape>>>();
const unknownRank = (block as Tensor<Shape>).sum({ axes: 0 });
check<Equal<typeof unknownRank, Tensor<Shape>>>();
const largest = block.trace().max({ axes: 1, keepDims: true });
check<Equal<typeof largest, Tensor<readonly [2, 1, 5], OwnedTape>>>();
const smallest = a.min();
check<Equal<typeof smallest, Tensor0D>>();
const classes = a.trace().argmax({ axis: -1 });
check<Equal<typeof classes, Tensor1D<2>>>();
const firstSmallest = block.argmin();
check<Equal<typeof firstSmallest, Tensor0D>>();
const anyOptions: ReductionOptions = { axes: [0] };
const anyMeans = block.mean(anyOptions);
check<Equal<typeof anyMeans, Tensor<Shape>>>();
// @ts-expect-error: argmax takes one axis
a.argmax({ axis: [0] });
// @ts-expect-error: PyTorch's spelling
block.sum({ axes: 0, keepdims: true });
// @ts-expect-error: an axis instead of options
block.sum(0);
// @ts-expect-error: an axis as text
block.mean({ axes: '0' });
const soft = a.logSoftmax();
check<Equal<typeof soft, Tensor2D<2, 3>>>();
// @ts-expect-error: rank 3
Tensor.zeros([1, 2, 3]).logSoftmax();
const values = a.array();
check<Equal<typeof values, number[][]>>();
const scalar = Tensor.zeros([]).array();
check<Equal<typeof scalar, number>>();

// Tensors of any shape.
const anything: Tensor<Shape> = a;
anything.add(1).exp().sum();
// @ts-expect-error: an unknown rank instead of a matrix
const matrix: Tensor2D<number, number> = anything;

// Linear.
const layer = new Linear(3, 4);
check<Equal<typeof layer.weight, Tensor2D<4, 3>>>();
const out = layer.forward(a.trace());
check<Equal<typeof out, Tensor2D<2, 4, OwnedTape>>>();
layer.forward(unknown);
// @ts-expect-error: 5 is not 3
layer.forward(Tensor.zeros([2, 5]));
// @ts-expect-error: a vector
layer.forward(Tensor.zeros([3]));
const wide: Linear<number, number> = layer;

// Cross entropy.
const loss = crossEntropyWithLogitsLoss(out, [0, 1]);
check<Equal<typeof loss, Tensor0D<OwnedTape>>>();
crossEntropyWithLogitsLoss(a, Tensor.zeros([2, 3]));
const dense = crossEntropyWithLogitsLoss(Tensor.zeros([2, 3, 4, 5]), Tensor.zeros([2, 4, 5]));
check<Equal<typeof dense, Tensor0D>>();
const ofPixels = crossEntropyWithLogitsLoss(Tensor.zeros([2, 3, 4, 5]).trace(), Tensor.zeros([2, n, 5]), {
  reduction: 'none',
  classWeights: [1, 2, 3],
  ignoreIndex: 255,
  labelSmoothing: 0.1,
});
check<Equal<typeof ofPixels, Tensor<readonly [2, 4, 5], OwnedTape>>>();
const ofRows = crossEntropyWithLogitsLoss(a, [0, 1], { reduction: 'none' });
check<Equal<typeof ofRows, Tensor1D<2>>>();
const summedLoss = crossEntropyWithLogitsLoss(a, [0, 1], { reduction: 'sum' });
check<Equal<typeof summedLoss, Tensor0D>>();
declare const lossOptions: CrossEntropyOptions;
const perhapsReduced = crossEntropyWithLogitsLoss(a, [0, 1], lossOptions);
check<Equal<typeof perhapsReduced, Tensor<Shape>>>();
const ofUnknownLogits = crossEntropyWithLogitsLoss(a as Tensor<Shape>, [0, 1], { reduction: 'none' });
check<Equal<typeof ofUnknownLogits, Tensor<Shape>>>();
const divergences = klDivWithLogitsLoss(a, Tensor.zeros([2, 3]), { reduction: 'none' });
check<Equal<typeof divergences, Tensor1D<2>>>();
// @ts-expect-error: targets of another image size
crossEntropyWithLogitsLoss(Tensor.zeros([2, 3, 4, 5]), Tensor.zeros([2, 5, 4]));
// @ts-expect-error: not a reduction
crossEntropyWithLogitsLoss(a, [0, 1], { reduction: 'average' });
// @ts-expect-error: PyTorch's spelling
crossEntropyWithLogitsLoss(a, [0, 1], { label_smoothing: 0.1 });
// @ts-expect-error: other probabilities than logits
klDivWithLogitsLoss(a, Tensor.zeros([2, 4]));
const fraction = accuracy(a, [0, 1], { ignoreIndex: 0 });
check<Equal<typeof fraction, number>>();
const confusion = confusionMatrix(Tensor.zeros([2, 3, 4, 5]).trace(), Tensor.zeros([2, 4, 5]));
check<Equal<typeof confusion, Tensor2D<3, 3>>>();
topK(a, Tensor.zeros([2]), { k: 2 });
// @ts-expect-error: k is an option
topK(a, [0, 1], 2);
// @ts-expect-error: probabilities are not class indices
accuracy(a, Tensor.zeros([2, 3]));
// @ts-expect-error: a vector of logits
crossEntropyWithLogitsLoss(Tensor.zeros([3]), [0]);
// @ts-expect-error: targets with a tape
crossEntropyWithLogitsLoss(a, a.trace());
export { matrix, wide };
