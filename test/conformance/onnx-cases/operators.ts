import {
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  concat,
  type CrossEntropyOptions,
  crossEntropyWithLogitsLoss,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  type Shape,
  stack,
  Tensor,
  where,
} from 'batchnorm';
import { convolution, transposedConvolution } from './convolutions.js';
import { averagePool, maxPool } from './pooling.js';
import { type Call, Inexpressible, type StoredTensor } from './value.js';

type Any = Tensor<Shape>;

/** Computes a node's outputs; a type is that of the first input unless it is given. */
type Operator = (call: Call) => Any | readonly Any[] | Typed;

export interface Typed {
  readonly type: string;
  readonly tensors: readonly Any[];
}

export const typed = (type: string, ...tensors: Any[]): Typed => ({ type, tensors });

/** A tensor of a file. */
export function stored({ values, shape }: StoredTensor): Any {
  return Tensor.from(values.map(Number), shape);
}

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const full = (shape: Shape, value: number): Any => Tensor.zeros(shape).add(value);
const scalar = (value: number): Any => Tensor.from([value], []);
const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

const unary =
  (f: (x: Any, call: Call) => Any): Operator =>
  (call) =>
    f(call.floats(0), call);
const binary =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    f(call.floats(0), call.floats(1));
const comparison =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    typed('bool', f(call.any(0), call.any(1)));
const logical =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    typed('bool', f(call.booleans(0), call.booleans(1)));
const variadic =
  (f: (a: Any, b: Any) => Any, last: (sum: Any, n: number) => Any = (sum) => sum): Operator =>
  (call) =>
    last(
      Array.from({ length: call.count }, (_, i) => call.floats(i)).reduce((a, b) => f(a, b)),
      call.count,
    );

/** The axes of a reduction: an attribute, or an input in later opsets; all by default. */
function reducedAxes(call: Call, x: Any): readonly number[] | undefined {
  const axes = call.list('axes') ?? call.numbers(1);
  if (axes !== undefined && axes.length > 0) return axes;
  if (call.number('noop_with_empty_axes', 0) !== 0) return [];
  return x.shape.map((_, axis) => axis);
}

const reduction =
  (
    reduce: (x: Any, options: { axes: readonly number[]; keepDims: boolean }) => Any,
    before = (x: Any) => x,
    after = (x: Any) => x,
  ): Operator =>
  (call) => {
    const x = call.floats(0);
    const axes = reducedAxes(call, x);
    const inner = before(x);
    if (axes === undefined || axes.length === 0) return after(inner);
    return after(reduce(inner, { axes, keepDims: call.number('keepdims', 1) !== 0 }));
  };
const sumOver = (x: Any, options: { axes: readonly number[]; keepDims: boolean }): Any => x.sum(options);

const arg =
  (find: (x: Any, options: { axis: number; keepDims: boolean }) => Any): Operator =>
  (call) => {
    call.only('select_last_index', 0);
    const options = { axis: call.number('axis', 0), keepDims: call.number('keepdims', 1) !== 0 };
    return typed('int64', find(call.floats(0), options));
  };

/** Applies a function of the last axis to another one; before opset 13 to all axes from there on. */
function alongAxis(call: Call, f: (x: Any) => Any): Any {
  const x = call.floats(0);
  const rank = x.shape.length;
  if (call.opset < 13) {
    const axis = axisOf(call.number('axis', 1), rank);
    const rows = count(x.shape.slice(0, axis));
    return f(x.reshape([rows, count(x.shape.slice(axis))])).reshape(x.shape);
  }
  const axis = axisOf(call.number('axis', -1), rank);
  if (axis === rank - 1) return f(x);
  return f(x.transpose(axis, -1)).transpose(axis, -1);
}

/** Leading axes of a matrix product are joined to one, and the products stacked. */
function matmul(a: Any, b: Any): Any {
  const left = a.shape.length === 1 ? a.reshape([1, -1]) : a;
  const right = b.shape.length === 1 ? b.reshape([-1, 1]) : b;
  const [m, k] = left.shape.slice(-2);
  const n = right.shape[right.shape.length - 1];
  const zeros = (shape: Shape) => Tensor.zeros([...shape.slice(0, -2), 1, 1]);
  const outer = zeros(left.shape).add(zeros(right.shape)).shape.slice(0, -2);
  const matrices = (x: Any, rows: number, columns: number) =>
    x.add(Tensor.zeros([...outer, rows, columns])).reshape([-1, rows, columns]);
  const [lefts, rights] = [matrices(left, m, k), matrices(right, k, n)];
  const matrix = (x: Any, i: number, rows: number, columns: number) =>
    x.slice({ axis: 0, start: i, end: i + 1 }).reshape([rows, columns]);
  const products = Array.from({ length: lefts.shape[0] }, (_, i) =>
    matrix(lefts, i, m, k).matmul(matrix(rights, i, k, n)),
  );
  const shape = [...outer, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return stack(products).reshape(shape);
}

/** Sets the parameters of a norm. */
function withParameters<N extends { readonly scale: unknown; readonly bias: unknown }>(
  norm: N,
  scale: Any,
  bias: Any,
): N {
  (norm.scale as Any).data.set(scale.data);
  (norm.bias as Any).data.set(bias.data);
  return norm;
}

function batchNormalization(call: Call): Any {
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => call.floats(i));
  call.only('training_mode', 0);
  const channels = x.shape[1];
  const options = { epsilon: call.number('epsilon', 1e-5) };
  const rank = x.shape.length;
  const norm =
    rank <= 3
      ? new BatchNorm1D(channels, options)
      : rank === 4
        ? new BatchNorm2D(channels, options)
        : new BatchNorm3D(channels, options);
  withParameters(norm, scale, bias);
  norm.runningMean.data.set(mean.data);
  norm.runningVar.data.set(variance.data);
  return norm.forward(x as never);
}

function instanceNormalization(call: Call): Any {
  const [x, scale, bias] = [0, 1, 2].map((i) => call.floats(i));
  const channels = x.shape[1];
  const options = { epsilon: call.number('epsilon', 1e-5), affine: true } as const;
  const Norm = [InstanceNorm1D, InstanceNorm2D, InstanceNorm3D].at(x.shape.length - 3);
  if (Norm === undefined) throw new Inexpressible(`${x.shape.length} axes`);
  return withParameters(new Norm(channels, options), scale, bias).forward(x as never);
}

/** The options of a loss, whose weights are its third input. */
function lossOptions(call: Call): CrossEntropyOptions {
  const reduction = call.text('reduction', 'mean');
  if (reduction !== 'mean' && reduction !== 'sum' && reduction !== 'none') {
    throw new Error(`Expected a reduction but found ${reduction}`);
  }
  const ignored = call.number('ignore_index', NaN);
  return {
    reduction,
    ...(call.has(2) && { classWeights: call.floats(2).data }),
    ...(!Number.isNaN(ignored) && { ignoreIndex: ignored }),
  };
}

/** Cross entropy, with log(softmax) over the second axis as a second output. */
function softmaxCrossEntropy(call: Call): readonly Any[] {
  const x = call.floats(0);
  const loss: Any = crossEntropyWithLogitsLoss(x, call.any(1), lossOptions(call));
  if (call.node.outputs.length === 1) return [loss];
  const last = x.transpose(1, -1);
  const classes = last.shape[last.shape.length - 1];
  const logProbabilities = last.reshape([-1, classes]).logSoftmax().reshape(last.shape);
  return [loss, logProbabilities.transpose(1, -1)];
}

/** The weighted sum over one-hot targets: the inputs of ONNX's cases are no logarithms, so that cross entropy would differ. */
function negativeLogLikelihood(call: Call): Any {
  const [x, targets] = [call.floats(0), call.any(1)];
  const { reduction, ignoreIndex } = lossOptions(call);
  const classes = Array.from({ length: x.shape[1] }, (_, index) => targets.equal(index));
  const counted = ignoreIndex === undefined ? full(targets.shape, 1) : targets.notEqual(ignoreIndex);
  const mask: Any = stack(classes, { axis: 1 }).mul(counted.reshape([x.shape[0], 1, ...x.shape.slice(2)]));
  const weights = call.has(2) ? call.floats(2).reshape([-1, ...x.shape.slice(2).map(() => 1)]) : scalar(1);
  const weighted = mask.mul(weights);
  const losses: Any = x.mul(weighted).mul(-1).sum({ axes: 1 });
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? losses.sum() : losses.sum().div(weighted.sum());
}

function slice(call: Call): Any {
  let x = call.any(0);
  const starts = call.list('starts') ?? call.numbers(1) ?? [];
  const ends = call.list('ends') ?? call.numbers(2) ?? [];
  const axes = call.list('axes') ?? call.numbers(3) ?? starts.map((_, i) => i);
  const steps = call.numbers(4) ?? starts.map(() => 1);
  axes.forEach((axis, i) => {
    if (steps[i] < 0) throw new Inexpressible('slices backwards');
    x = x.slice({ axis, start: starts[i], end: ends[i], step: steps[i] });
  });
  return x;
}

function split(call: Call): readonly Any[] {
  const x = call.any(0);
  const axis = axisOf(call.number('axis', 0), x.shape.length);
  const parts = call.node.outputs.length;
  const size = Math.ceil(x.shape[axis] / parts);
  const sizes = call.list('split') ?? call.numbers(1) ?? Array.from({ length: parts }, () => size);
  let start = 0;
  return sizes.map((each) => {
    const part = x.slice({ axis, start, end: start + each });
    start += each;
    return part;
  });
}

function reshape(call: Call): Any {
  const x = call.any(0);
  const wanted = call.list('shape') ?? call.numbers(1) ?? [];
  const zeroIsZero = call.number('allowzero', 0) !== 0;
  return x.reshape(wanted.map((size, axis) => (size === 0 && !zeroIsZero ? x.shape[axis] : size)));
}

function squeeze(call: Call): Any {
  const x = call.any(0);
  const axes = (call.list('axes') ?? call.numbers(1))?.map((axis) => axisOf(axis, x.shape.length));
  return x.reshape(x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))));
}

function unsqueeze(call: Call): Any {
  const x = call.any(0);
  const given = call.list('axes') ?? call.numbers(1) ?? [];
  const rank = x.shape.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  const sizes = [...x.shape];
  return x.reshape(Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (sizes.shift() ?? 1))));
}

function tile(call: Call): Any {
  return (call.numbers(1) ?? []).reduce<Any>(
    (x, times, axis) =>
      concat(
        Array.from({ length: times }, () => x),
        { axis },
      ),
    call.any(0),
  );
}

function pad(call: Call): Any {
  if (call.text('mode', 'constant') !== 'constant')
    throw new Inexpressible(`mode = ${call.text('mode', '')}`);
  const pads = call.list('pads') ?? call.numbers(1) ?? [];
  const value = call.numbers(2)?.[0] ?? call.number('value', 0);
  let x: Any = call.floats(0);
  const rank = x.shape.length;
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = [pads[axis], pads[axis + rank]];
    if (before < 0 || after < 0) throw new Inexpressible('negative padding');
    const edge = (size: number) =>
      full(
        x.shape.map((each, i) => (i === axis ? size : each)),
        value,
      );
    x = concat([edge(before), x, edge(after)], { axis });
  }
  return x;
}

function depthToSpace(call: Call): Any {
  const x = call.floats(0);
  const [n, c, h, w] = x.shape;
  const b = call.number('blocksize', 1);
  const isDcr = call.text('mode', 'DCR') === 'DCR';
  const blocks = isDcr ? x.reshape([n, b, b, c / (b * b), h, w]) : x.reshape([n, c / (b * b), b, b, h, w]);
  const order = isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return blocks.permute(order).reshape([n, c / (b * b), h * b, w * b]);
}

function spaceToDepth(call: Call): Any {
  const x = call.floats(0);
  const [n, c, h, w] = x.shape;
  const b = call.number('blocksize', 1);
  return x
    .reshape([n, c, h / b, b, w / b, b])
    .permute([0, 3, 5, 1, 2, 4])
    .reshape([n, c * b * b, h / b, w / b]);
}

function gemm(call: Call): Any {
  const a = call.number('transA', 0) === 0 ? call.floats(0) : call.floats(0).transpose();
  const b = call.number('transB', 0) === 0 ? call.floats(1) : call.floats(1).transpose();
  const product = a.matmul(b).mul(call.number('alpha', 1));
  return call.has(2) ? product.add(call.floats(2).mul(call.number('beta', 1))) : product;
}

function clip(call: Call): Any {
  const min = call.numbers(1)?.[0] ?? call.number('min', -Infinity);
  const max = call.numbers(2)?.[0] ?? call.number('max', Infinity);
  return call.floats(0).clamp({ min, max });
}

function layerNormalization(call: Call): readonly Any[] {
  const x = call.floats(0);
  const axis = axisOf(call.number('axis', -1), x.shape.length);
  const axes = x.shape.map((_, i) => i).slice(axis);
  const options = { axes, keepDims: true };
  const mean: Any = x.mean(options);
  const centered = x.sub(mean);
  const variance: Any = centered.square().mean(options);
  const inverse = variance.add(call.number('epsilon', 1e-5)).pow(-0.5);
  const scaled = centered.mul(inverse).mul(call.floats(1));
  return [call.has(2) ? scaled.add(call.floats(2)) : scaled, mean, inverse].slice(
    0,
    call.node.outputs.length,
  );
}

function pow(call: Call): Any {
  const exponents = call.any(1);
  if (count(exponents.shape) !== 1) throw new Inexpressible('exponents that differ');
  return call
    .floats(0)
    .pow(exponents.data[0])
    .reshape(Tensor.zeros(call.floats(0).shape).add(exponents).shape);
}

function constant(call: Call): Typed {
  const value = call.stored('value');
  if (value !== undefined) return typed(value.type, stored(value));
  const floats = call.list('value_floats');
  if (floats !== undefined) return typed('float32', Tensor.from([...floats], [floats.length]));
  const integers = call.list('value_ints');
  if (integers !== undefined) return typed('int64', Tensor.from([...integers], [integers.length]));
  if (call.node.attributes.value_int !== undefined)
    return typed('int64', scalar(call.number('value_int', 0)));
  return typed('float32', scalar(call.number('value_float', 0)));
}

function globalPool(call: Call, reduce: 'mean' | 'max'): Any {
  const x = call.floats(0);
  const axes = x.shape.map((_, axis) => axis).slice(2);
  return x[reduce]({ axes, keepDims: true });
}

function prelu(call: Call): Any {
  const [x, given] = [call.floats(0), call.floats(1)];
  // The first versions have one slope for each channel instead of a shape that broadcasts.
  const perChannel = call.opset < 7 && given.shape.length === 1 && given.shape[0] > 1;
  const slope = perChannel ? given.reshape([-1, ...x.shape.slice(2).map(() => 1)]) : given;
  return where(x.less(0), x.mul(slope), x);
}

const alpha = (call: Call, byDefault: number) => call.number('alpha', byDefault);
const elu = (x: Any, factor: number): Any => where(x.greater(0), x, x.minimum(0).exp().sub(1).mul(factor));

/** What the package can say of ONNX's operators. */
export const operators: Readonly<Record<string, Operator>> = {
  Abs: unary((x) => x.abs()),
  Exp: unary((x) => x.exp()),
  Log: unary((x) => x.log()),
  Sqrt: unary((x) => x.sqrt()),
  Sin: unary((x) => x.sin()),
  Cos: unary((x) => x.cos()),
  Tan: unary((x) => x.sin().div(x.cos())),
  Tanh: unary((x) => x.tanh()),
  Sinh: unary((x) => x.exp().sub(x.mul(-1).exp()).div(2)),
  Cosh: unary((x) => x.exp().add(x.mul(-1).exp()).div(2)),
  Sigmoid: unary((x) => x.sigmoid()),
  Relu: unary((x) => x.relu()),
  Neg: unary((x) => x.mul(-1)),
  Reciprocal: unary((x) => scalar(1).div(x)),
  Sign: unary((x) => x.greater(0).sub(x.less(0))),
  Softplus: unary((x) => x.exp().add(1).log()),
  Softsign: unary((x) => x.div(x.abs().add(1))),
  LeakyRelu: unary((x, call) => where(x.less(0), x.mul(alpha(call, 0.01)), x)),
  PRelu: prelu,
  Elu: unary((x, call) => elu(x, alpha(call, 1))),
  Celu: unary((x, call) =>
    elu(x.div(alpha(call, 1)), 1).mul(where(x.greater(0), alpha(call, 1), alpha(call, 1))),
  ),
  Selu: unary((x, call) => elu(x, alpha(call, 1.6732632)).mul(call.number('gamma', 1.050701))),
  ThresholdedRelu: unary((x, call) => where(x.greater(alpha(call, 1)), x, 0)),
  HardSigmoid: unary((x, call) =>
    x.mul(alpha(call, 0.2)).add(call.number('beta', 0.5)).clamp({ min: 0, max: 1 }),
  ),
  HardSwish: unary((x) => x.mul(x.div(6).add(0.5).clamp({ min: 0, max: 1 }))),
  Mish: unary((x) => x.mul(x.exp().add(1).log().tanh())),
  Shrink: unary((x, call) => {
    const [bias, lambda] = [call.number('bias', 0), call.number('lambd', 0.5)];
    return where(x.less(-lambda), x.add(bias), where(x.greater(lambda), x.sub(bias), 0));
  }),
  IsNaN: (call) => typed('bool', call.floats(0).notEqual(call.floats(0))),
  IsInf: (call) => {
    const x = call.floats(0);
    const [positive, negative] = [call.number('detect_positive', 1), call.number('detect_negative', 1)];
    return typed('bool', x.equal(Infinity).mul(positive).add(x.equal(-Infinity).mul(negative)));
  },
  Clip: clip,
  Pow: pow,
  Add: binary((a, b) => a.add(b)),
  Sub: binary((a, b) => a.sub(b)),
  Mul: binary((a, b) => a.mul(b)),
  Div: binary((a, b) => a.div(b)),
  Max: variadic((a, b) => a.maximum(b)),
  Min: variadic((a, b) => a.minimum(b)),
  Sum: variadic((a, b) => a.add(b)),
  Mean: variadic(
    (a, b) => a.add(b),
    (sum, n) => sum.div(n),
  ),
  Less: comparison((a, b) => a.less(b)),
  LessOrEqual: comparison((a, b) => a.lessEqual(b)),
  Greater: comparison((a, b) => a.greater(b)),
  GreaterOrEqual: comparison((a, b) => a.greaterEqual(b)),
  Equal: comparison((a, b) => a.equal(b)),
  And: logical((a, b) => a.mul(b)),
  Or: logical((a, b) => a.maximum(b)),
  Xor: logical((a, b) => a.notEqual(b)),
  Not: (call) => typed('bool', call.booleans(0).equal(0)),
  Where: (call) => typed(call.type(1), where(call.booleans(0), call.any(1), call.any(2))),
  ReduceSum: reduction(sumOver),
  ReduceMean: reduction((x, options) => x.mean(options)),
  ReduceMax: reduction((x, options) => x.max(options)),
  ReduceMin: reduction((x, options) => x.min(options)),
  ReduceL1: reduction(sumOver, (x) => x.abs()),
  ReduceL2: reduction(
    sumOver,
    (x) => x.square(),
    (x) => x.sqrt(),
  ),
  ReduceSumSquare: reduction(sumOver, (x) => x.square()),
  ReduceLogSum: reduction(
    sumOver,
    (x) => x,
    (x) => x.log(),
  ),
  ReduceLogSumExp: reduction(
    sumOver,
    (x) => x.exp(),
    (x) => x.log(),
  ),
  ArgMax: arg((x, options) => x.argmax(options)),
  ArgMin: arg((x, options) => x.argmin(options)),
  Softmax: (call) => alongAxis(call, (x) => x.softmax()),
  LogSoftmax: (call) =>
    alongAxis(call, (x) =>
      x
        .reshape([count(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]])
        .logSoftmax()
        .reshape(x.shape),
    ),
  MatMul: binary(matmul),
  Gemm: gemm,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: (call) => globalPool(call, 'mean'),
  GlobalMaxPool: (call) => globalPool(call, 'max'),
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  MeanVarianceNormalization: (call) => {
    const x = call.floats(0);
    const options = { axes: call.list('axes') ?? [0, 2, 3], keepDims: true };
    const centered = x.sub(x.mean(options));
    return centered.div(centered.square().mean(options).sqrt().add(1e-9));
  },
  LpNormalization: (call) => {
    const x = call.floats(0);
    const options = { axes: [call.number('axis', -1)], keepDims: true };
    return x.div(call.number('p', 2) === 1 ? x.abs().sum(options) : x.square().sum(options).sqrt());
  },
  Reshape: reshape,
  Transpose: (call) => {
    const x = call.any(0);
    return x.permute(call.list('perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis));
  },
  Flatten: (call) => {
    const x = call.any(0);
    const axis = axisOf(call.number('axis', 1), x.shape.length);
    return x.reshape([count(x.shape.slice(0, axis)), count(x.shape.slice(axis))]);
  },
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: (call) =>
    concat(
      Array.from({ length: call.count }, (_, i) => call.any(i)),
      { axis: call.number('axis', 0) },
    ),
  Slice: slice,
  Split: split,
  Expand: (call) => call.any(0).add(Tensor.zeros(call.numbers(1) ?? [])),
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Identity: (call) => call.any(0),
  Dropout: (call) => {
    if (call.has(2) && call.numbers(2)?.[0] === 1 && call.numbers(1)?.[0] !== 0)
      throw new Inexpressible('random numbers');
    if (call.node.outputs.length > 1) throw new Inexpressible('the mask of dropout');
    return call.floats(0);
  },
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  Constant: constant,
  ConstantOfShape: (call) => {
    const value = call.stored('value');
    return typed(value?.type ?? 'float32', full(call.numbers(0) ?? [], Number(value?.values[0] ?? 0)));
  },
  Shape: (call) => {
    const { shape } = call.value(0).tensor;
    const part = shape.slice(
      call.number('start', 0),
      call.has(0) ? call.number('end', shape.length) : undefined,
    );
    return typed('int64', Tensor.from([...part], [part.length]));
  },
  Size: (call) => typed('int64', scalar(count(call.value(0).tensor.shape))),
};
