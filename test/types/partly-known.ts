// Compositions of partly known layers: arrays of layers, and layers whose sizes are type parameters. All available
// information is used, and definite errors do not compile.
import {
  BatchNorm2D,
  Conv2D,
  crossEntropyWithLogitsLoss,
  Flatten2D,
  GeneralizedResidual,
  type Layer,
  Linear,
  MaxPool2D,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  Sigmoid,
  type Tape,
  Tensor,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

const rows = Tensor.zeros([8, 4]);
declare const layer: Layer;
declare const layers: Layer[];
declare const fixedLayers: readonly Layer[];
declare const anything: any;

// Arrays of layers return a tensor of an unknown shape.
const fromArray = new Sequential(...layers);
const unknownResult = fromArray.forward(rows);
check<Equal<typeof unknownResult, Tensor<Shape>>>();
const unknownTraining = fromArray.forwardMut(rows.trace());
check<Equal<typeof unknownTraining, Tensor<Shape, OwnedTape>>>();
const fromFixed = new Sequential(...fixedLayers).forward(rows);
check<Equal<typeof fromFixed, Tensor<Shape>>>();
// @ts-expect-error: the mode is known
fromArray.forward(rows.trace());

// A tensor of an unknown shape is accepted everywhere.
crossEntropyWithLogitsLoss(unknownTraining, [1, 2]).item();
unknownResult.logSoftmax();
unknownResult.matmul(unknownResult);
new BatchNorm2D(3).forward(unknownResult);
const known = new Linear(4, 3).forward(unknownResult);
check<Equal<typeof known, Tensor2D<number, 3>>>();

// Layers before an array are checked; those after it determine the result.
const begun = new Sequential(new Linear(4, 3), ...layers);
const begunResult = begun.forward(rows);
check<Equal<typeof begunResult, Tensor<Shape>>>();
// @ts-expect-error: 7 columns, not 4
begun.forward(Tensor.zeros([8, 7]));
const ended = new Sequential(...layers, new Linear(7, 2), new ReLU()).forward(rows);
check<Equal<typeof ended, Tensor2D<number, 2>>>();
const around = new Sequential(new Linear(4, 3), ...layers, new Linear(7, 2)).forward(rows);
check<Equal<typeof around, Tensor2D<number, 2>>>();
const between = new Sequential(new Linear(4, 3), layer, new Linear(5, 2)).forward(rows);
check<Equal<typeof between, Tensor2D<number, 2>>>();
const anyBetween = new Sequential(new Linear(4, 3), anything, new Linear(5, 2)).forward(rows);
check<Equal<typeof anyBetween, Tensor2D<number, 2>>>();

// A spread tuple is equivalent to its layers.
const tuple = [new Linear(4, 3), new ReLU(), new Linear(3, 5)] as const;
const spread = new Sequential(...tuple);
const spreadResult = spread.forward(rows);
check<Equal<typeof spreadResult, Tensor2D<8, 5>>>();
// @ts-expect-error: 7 columns, not 4
spread.forward(Tensor.zeros([8, 7]));
const empty = new Sequential().forward(rows);
check<Equal<typeof empty, Tensor2D<8, 4>>>();
const activation = Math.random() < 0.5 ? new ReLU() : new Sigmoid();
const eitherResult = new Sequential(activation, new Linear(4, 3)).forward(rows);
check<Equal<typeof eitherResult, Tensor2D<8, 3>>>();

// Residuals around partly known layers.
const around1 = new Residual(layer).forward(rows);
check<Equal<typeof around1, Tensor2D<8, 4>>>();
const around2 = new Residual(fromArray).forward(rows);
check<Equal<typeof around2, Tensor2D<8, 4>>>();
const right = new GeneralizedResidual(fromArray, new Linear(4, 3)).forward(rows);
check<Equal<typeof right, Tensor2D<8, 3>>>();
const left = new GeneralizedResidual(new Linear(4, 3), fromArray).forward(rows);
check<Equal<typeof left, Tensor2D<8, 3>>>();

// Any composition is assignable to one of unknown layers.
const widened: Sequential<readonly Layer[]> = spread;
const widenedResult = widened.forward(rows);
check<Equal<typeof widenedResult, Tensor<Shape>>>();

// Functions whose sizes are type parameters. Calls use the sizes of their arguments.
function unit<I extends number, O extends number>(i: I, o: O) {
  return new Sequential(new Linear(i, o), new ReLU());
}
const called = unit(4, 3);
check<Equal<typeof called, Sequential<[Linear<4, 3>, ReLU]>>>();
const calledResult = called.forward(rows);
check<Equal<typeof calledResult, Tensor2D<8, 3>>>();
// @ts-expect-error: 5 columns, not 4
called.forward(Tensor.zeros([8, 5]));
const twoUnits = new Sequential(unit(4, 3), unit(3, 2)).forward(rows);
check<Equal<typeof twoUnits, Tensor2D<8, 2>>>();
new Sequential(
  unit(4, 3),
  // @ts-expect-error: 3 columns, not 5
  unit(5, 2),
);

function perceptron<I extends number, H extends number, O extends number>(i: I, h: H, o: O) {
  return new Sequential(unit(i, h), unit(h, h), new Residual(unit(h, h)), new Linear(h, o));
}
const perceived = perceptron(4, 16, 2).forward(rows);
check<Equal<typeof perceived, Tensor2D<8, 2>>>();
// @ts-expect-error: 5 columns, not 4
perceptron(4, 16, 2).forward(Tensor.zeros([8, 5]));

function applied<I extends number, O extends number>(i: I, o: O, x: Tensor2D<8, I>) {
  return unit(i, o).forward(x);
}
const appliedResult = applied(4, 3, rows);
check<Equal<typeof appliedResult, Tensor2D<8, 3>>>();

function deep<I extends number>(width: I, depth: number) {
  return new Sequential(...Array.from({ length: depth }, () => new Linear(width, width)));
}
const deepResult = deep(4, 3).forward(rows);
check<Equal<typeof deepResult, Tensor<Shape>>>();

// Images.
function convolution<C extends number, O extends number>(c: C, o: O) {
  return new Sequential(new Conv2D(c, o, 3, { padding: 1 }), new BatchNorm2D(o), new ReLU());
}
function block<C extends number>(c: C) {
  return new Residual(new Sequential(convolution(c, c), new BatchNorm2D(c)));
}
function widening<C extends number, O extends number>(c: C, o: O) {
  return new GeneralizedResidual(convolution(c, o), new Conv2D(c, o, 1));
}
const network = new Sequential(
  convolution(3, 16),
  block(16),
  widening(16, 32),
  new MaxPool2D(2, { stride: 2 }),
  new Flatten2D(),
);
const networkResult = network.forward(Tensor.zeros([8, 3, 32, 32]));
check<Equal<typeof networkResult, Tensor2D<8, number>>>();
new Sequential(
  convolution(3, 16),
  // @ts-expect-error: 16 channels, not 32
  block(32),
);
function pooled<K extends number>(k: K) {
  return new Sequential(new MaxPool2D(k, { stride: k }), new BatchNorm2D(3), new MaxPool2D(k, { stride: k }));
}
const pooledResult = pooled(2).forward(Tensor.zeros([8, 3, 32, 32]));
check<Equal<typeof pooledResult, Tensor4D<8, 3, 8, 8>>>();
// @ts-expect-error: a window of 4 x 4 does not fit into 3 x 3 pixels
pooled(4).forward(Tensor.zeros([8, 3, 3, 3]));

// Classes whose sizes, or layers, are type parameters.
class Block<C extends number> {
  readonly norm: Sequential<[BatchNorm2D<C>, ReLU]>;
  readonly head;
  constructor(c: C) {
    this.norm = new Sequential(new BatchNorm2D(c), new ReLU());
    this.head = unit(c, 7);
  }
  forward<N extends number>(x: Tensor4D<N, C, 4, 4>) {
    return this.norm.forward(x);
  }
}
const blockResult = new Block(3).forward(Tensor.zeros([2, 3, 4, 4]));
check<Equal<typeof blockResult, Tensor4D<2, 3, 4, 4>>>();
class Wrapper<Layers extends readonly Layer[]> {
  readonly net: Sequential<Layers>;
  constructor(...inner: Layers) {
    this.net = new Sequential(...inner);
  }
}
const wrapped = new Wrapper(new Linear(4, 3), new ReLU()).net.forward(rows);
check<Equal<typeof wrapped, Tensor2D<8, 3>>>();
function withHead<F extends Layer>(f: F) {
  return new Sequential(f, new Flatten2D());
}
const headed = withHead(new BatchNorm2D(3)).forward(Tensor.zeros([8, 3, 4, 4]));
check<Equal<typeof headed, Tensor2D<8, number>>>();
function residual<F extends Layer>(f: F) {
  return new Residual(f);
}
const summed = residual(new Linear(4, 4)).forward(rows);
check<Equal<typeof summed, Tensor2D<8, 4>>>();
function predict<X extends Tensor2D<number, 4>>(x: X) {
  return spread.forward(x);
}
const predicted = predict(rows);
check<Equal<typeof predicted, Tensor2D<8, 5>>>();

// Errors for all values of the type parameters.
function wrongColumns<I extends number, O extends number>(i: I, o: O) {
  // @ts-expect-error: 5 columns, not 4
  return new Sequential(new Linear(i, 5), new Linear(4, o));
}
function eitherTape<T extends Tape>(x: Tensor2D<8, 4, T>) {
  // @ts-expect-error: may have a tape
  spread.forward(x);
  // @ts-expect-error: may have no tape
  spread.forwardMut(x);
  // Linear has one mode.
  return new Linear(4, 3).forward(x);
}

// Operations on tensors whose sizes are type parameters.
function products<N extends number, K extends number>(a: Tensor2D<N, K>, b: Tensor2D<K, N>) {
  return a.matmul(b).add(b.matmul(a).mean()).add(a.matmul(b)).logSoftmax();
}
const product = products(Tensor.zeros([2, 3]), Tensor.zeros([3, 2]));
check<Equal<typeof product, Tensor2D<2, 2>>>();

// Compositions nested to any depth.
const level1 = new Sequential(new Residual(new Sequential(new Linear(4, 4))), new ReLU());
const level2 = new Sequential(new Residual(new Sequential(level1, level1)), new ReLU());
const level3 = new Sequential(new Residual(new Sequential(level2, level2)), new ReLU());
const level4 = new Sequential(new Residual(new Sequential(level3, level3)), new Linear(4, 3));
const level4Result = level4.forward(rows);
check<Equal<typeof level4Result, Tensor2D<8, 3>>>();
// @ts-expect-error: 5 columns, not 4
level4.forward(Tensor.zeros([8, 5]));
export { eitherTape, wrongColumns };
