import type { OperationName } from '../../backend/intercept.js';
import { elementCount, type Shape } from '../../core/shape.js';
import type { ScriptOperation } from '../../ops/script-operations.js';
import type { CapturedCall, CapturedGraph } from '../../plan/captured-graph.js';
import { emitConvolution, emitPool, emitTransposed } from './emit-images.js';
import { emitBatchNorm, emitGroupNorm } from './emit-norms.js';
import { emitCopies } from './emit-copies.js';
import { type Emit, float, type GraphBuilder, int, ints, unsupported } from './graph-builder.js';

const numberOf = ({ args }: CapturedCall, name: string): number => Number(args[name]);

/** A function of each element; the result has the shape of the argument. */
const unary =
  (compute: (x: string, graph: GraphBuilder, call: CapturedCall) => string): Emit =>
  (call, graph) => {
    const { name, shape } = graph.find(graph.whole(call.args.x));
    const out = graph.whole(call.args.y).shape ?? shape;
    graph.write(call.args.y, { name: compute(graph.inShape({ name, shape }, out), graph, call), shape: out });
  };
const plain = (operator: string): Emit => unary((x, graph) => graph.node(operator, [x]));

/** A function of pairs of elements, of which the right ones may be those of a row or one number. */
const binary =
  (compute: (a: string, b: string, graph: GraphBuilder) => string): Emit =>
  (call, graph) => {
    const { a, b, out } = call.args;
    const [columns, rightLength] = [numberOf(call, 'columns'), numberOf(call, 'rightLength')];
    const count = numberOf(call, 'rows') * columns;
    const shape = graph.whole(out).shape ?? graph.whole(a).shape ?? [count];
    const right = rightLength === count ? shape : rightLength === 1 ? [] : trailing(shape, rightLength);
    const left = right === undefined ? [count / rightLength, rightLength] : shape;
    const result = compute(graph.readOperand(a, left), graph.readOperand(b, right ?? [rightLength]), graph);
    graph.write(out, { name: result, shape: left });
  };
const plainBinary = (operator: string): Emit => binary((a, b, graph) => graph.node(operator, [a, b]));

/** A sum, which the matrix product before it includes as its bias where possible. */
const add: Emit = (call, graph) => {
  if (!joinBias(call, graph)) plainBinary('Add')(call, graph);
};

/** Gives a matrix product that nothing else reads its bias: one Gemm instead of a product and a sum. */
function joinBias(call: CapturedCall, graph: GraphBuilder): boolean {
  const columns = numberOf(call, 'columns');
  const [product, bias] = [graph.whole(call.args.a), graph.whole(call.args.b)];
  const isRow = bias.kind !== 'result' && bias.shape?.length === 1 && bias.shape[0] === columns;
  const node = graph.nodes.at(-1);
  if (!isRow || product.kind !== 'result' || !graph.isReadOnce(product) || node?.inputs.length !== 2)
    return false;
  const { name, shape } = graph.find(product);
  const isProduct = ['MatMul', 'Gemm'].includes(node.operator) && node.outputs[0] === name;
  if (!isProduct || shape.length !== 2 || shape[1] !== columns) return false;
  const inputs = [...node.inputs, graph.find(bias).name];
  graph.nodes[graph.nodes.length - 1] = { ...node, operator: 'Gemm', inputs };
  graph.write(call.args.out, { name, shape });
  return true;
}

/** The last sizes of a shape whose product is `count`. */
function trailing(shape: Shape, count: number): Shape | undefined {
  const axis = shape.findLastIndex((_, i) => elementCount(shape.slice(i)) === count);
  return axis < 0 ? undefined : shape.slice(axis);
}

const FLOAT = 1;
const BOOL = 9;

/** A comparison, whose result is 1 or 0. */
const comparison = (operator: string): Emit =>
  binary((a, b, graph) => graph.node('Cast', [graph.node(operator, [a, b])], { to: int(FLOAT) }));

const where: Emit = (call, graph) => {
  const { condition, a, b, out } = call.args;
  const shape = graph.whole(out).shape ?? [numberOf(call, 'n')];
  const chosen = graph.node('Cast', [graph.readOperand(condition, shape)], { to: int(BOOL) });
  const name = graph.node('Where', [chosen, graph.readOperand(a, shape), graph.readOperand(b, shape)]);
  graph.write(out, { name, shape });
};

/** A function of each row. */
const rowwise =
  (operator: string): Emit =>
  (call, graph) => {
    const [rows, columns] = [numberOf(call, 'rows'), numberOf(call, 'columns')];
    const given = graph.find(graph.whole(call.args.x)).shape;
    const shape = given.at(-1) === columns ? given : [rows, columns];
    const name = graph.node(operator, [graph.read(call.args.x, shape)], { axis: int(-1) });
    graph.write(call.args.y, { name, shape });
  };

/** The axes that collapse to the middle of [outer, length, inner]; undefined if none do. */
function middleAxes(shape: Shape, outer: number, length: number): readonly number[] | undefined {
  for (let start = 0; start < shape.length; start++) {
    if (elementCount(shape.slice(0, start)) !== outer) continue;
    for (let end = start + 1; end <= shape.length; end++) {
      if (elementCount(shape.slice(start, end)) !== length) continue;
      return Array.from({ length: end - start }, (_, i) => start + i);
    }
  }
  return undefined;
}

interface Reduction {
  readonly name: string;
  readonly shape: Shape;
  readonly axes: readonly number[];
}

/** The value, reshaped so that the reduced axes stand alone. */
function readReduced(
  call: CapturedCall,
  graph: GraphBuilder,
  outer: number,
  length: number,
  inner: number,
): Reduction {
  const given = graph.find(graph.whole(call.args.x)).shape;
  const axes = middleAxes(given, outer, length);
  if (axes !== undefined) return { name: graph.read(call.args.x, given), shape: given, axes };
  const shape = [outer, length, inner];
  return { name: graph.read(call.args.x, shape), shape, axes: [1] };
}

const withoutAxes = (shape: Shape, axes: readonly number[]) =>
  shape.filter((_, axis) => !axes.includes(axis));

const sumAxis: Emit = (call, graph) => {
  const [outer, length, inner] = ['outer', 'length', 'inner'].map((name) => numberOf(call, name));
  const divisor = numberOf(call, 'divisor');
  const { name, shape, axes } = readReduced(call, graph, outer, length, inner);
  const options = { keepdims: int(0) };
  const reduced =
    divisor === length
      ? graph.node('ReduceMean', [name], { ...options, axes: ints(axes) })
      : graph.node('ReduceSum', [name, graph.indices(axes)], options);
  const result =
    divisor === 1 || divisor === length ? reduced : graph.node('Div', [reduced, graph.scalar(divisor)]);
  graph.write(call.args.y, { name: result, shape: withoutAxes(shape, axes) });
};

const extremumAxis: Emit = (call, graph) => {
  const [outer, length, inner] = ['outer', 'length', 'inner'].map((name) => numberOf(call, name));
  const { name, shape, axes } = readReduced(call, graph, outer, length, inner);
  const operator = call.args.minimum === true ? 'ReduceMin' : 'ReduceMax';
  const result = graph.node(operator, [name], { axes: ints(axes), keepdims: int(0) });
  graph.write(call.args.y, { name: result, shape: withoutAxes(shape, axes) });
};

const extremumIndexAxis: Emit = (call, graph) => {
  const [outer, length, inner] = ['outer', 'length', 'inner'].map((name) => numberOf(call, name));
  const operator = call.args.minimum === true ? 'ArgMin' : 'ArgMax';
  const shape = [outer, length, inner];
  const index = graph.node(operator, [graph.read(call.args.x, shape)], { axis: int(1), keepdims: int(0) });
  graph.write(call.args.y, { name: graph.node('Cast', [index], { to: int(FLOAT) }), shape: [outer, inner] });
};

const rowMeans: Emit = (call, graph) => {
  const [rows, columns] = [numberOf(call, 'rows'), numberOf(call, 'columns')];
  const { shape } = graph.find(graph.whole(call.args.x));
  if (shape.length === 4 && shape[2] * shape[3] === columns) {
    const [images, channels] = shape;
    const pooled = graph.node('GlobalAveragePool', [graph.read(call.args.x, shape)]);
    const name = graph.node('Flatten', [pooled], { axis: int(1) });
    graph.write(call.args.means, { name, shape: [images, channels] });
    return;
  }
  const rowsOf = [rows, columns];
  const attributes = { axes: ints([1]), keepdims: int(0) };
  const name = graph.node('ReduceMean', [graph.read(call.args.x, rowsOf)], attributes);
  graph.write(call.args.means, { name, shape: [rows] });
};

const sumRows: Emit = (call, graph) => {
  const [rows, columns] = [numberOf(call, 'rows'), numberOf(call, 'columns')];
  const x = graph.read(call.args.x, [rows, columns]);
  const name = graph.node('ReduceSum', [x, graph.indices([0])], { keepdims: int(0) });
  graph.write(call.args.out, { name, shape: [columns] });
};

const matmul: Emit = (call, graph) => {
  const [rows, depth, columns] = ['rows', 'depth', 'columns'].map((name) => numberOf(call, name));
  const [transA, transB] = [call.args.transposeA === true, call.args.transposeB === true];
  const a = graph.read(call.args.a, transA ? [depth, rows] : [rows, depth]);
  const b = graph.read(call.args.b, transB ? [columns, depth] : [depth, columns]);
  const name =
    transA || transB
      ? graph.node('Gemm', [a, b], { transA: int(Number(transA)), transB: int(Number(transB)) })
      : graph.node('MatMul', [a, b]);
  graph.write(call.args.c, { name, shape: [rows, columns] });
};

/** x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))); ONNX has an operator for it from version 20 on. */
function gelu(x: string, graph: GraphBuilder): string {
  const times = (a: string, factor: number) => graph.node('Mul', [a, graph.scalar(factor)]);
  const cube = graph.node('Mul', [graph.node('Mul', [x, x]), x]);
  const inner = times(graph.node('Add', [x, times(cube, 0.044715)]), Math.sqrt(2 / Math.PI));
  const factor = graph.node('Add', [graph.node('Tanh', [inner]), graph.scalar(1)]);
  return graph.node('Mul', [times(x, 0.5), factor]);
}

/**
 * Adds the nodes for an operation. `emitCopies` writes stridedCopy, because several copies can make one node.
 * test/unit/onnx/emitters.test.ts lists the other operations that have no emitter.
 */
export const emitters: Readonly<Partial<Record<OperationName | ScriptOperation, Emit>>> = {
  ...{ exp: plain('Exp'), log: plain('Log'), sqrt: plain('Sqrt'), relu: plain('Relu'), abs: plain('Abs') },
  ...{ sigmoid: plain('Sigmoid'), tanh: plain('Tanh'), sin: plain('Sin'), cos: plain('Cos') },
  copy: plain('Identity'),
  square: unary((x, graph) => graph.node('Mul', [x, x])),
  silu: unary((x, graph) => graph.node('Mul', [x, graph.node('Sigmoid', [x])])),
  gelu: unary(gelu),
  leakyRelu: unary((x, graph, call) =>
    graph.node('LeakyRelu', [x], { alpha: float(numberOf(call, 'slope')) }),
  ),
  pow: unary((x, graph, call) => graph.node('Pow', [x, graph.scalar(numberOf(call, 'exponent'))])),
  ...{ add, sub: plainBinary('Sub'), mul: plainBinary('Mul'), div: plainBinary('Div') },
  ...{ maximum: plainBinary('Max'), minimum: plainBinary('Min') },
  ...{ less: comparison('Less'), lessEqual: comparison('LessOrEqual'), equal: comparison('Equal') },
  ...{ greater: comparison('Greater'), greaterEqual: comparison('GreaterOrEqual') },
  notEqual: binary((a, b, graph) =>
    graph.node('Cast', [graph.node('Not', [graph.node('Equal', [a, b])])], { to: int(FLOAT) }),
  ),
  ...{ where, sumAxis, extremumAxis, extremumIndexAxis, rowMeans, sumRows, matmul },
  ...{ softmax: rowwise('Softmax'), logSoftmax: rowwise('LogSoftmax') },
  ...{ batchNormInference: emitBatchNorm, groupNorm: emitGroupNorm },
  ...{ conv2d: emitConvolution, conv2dInputGradient: emitTransposed },
  ...{ maxPool: emitPool('MaxPool'), avgPool: emitPool('AveragePool') },
};

/** Adds the nodes for all calls of a network with this output. */
export function emitCalls({ calls, output }: CapturedGraph, graph: GraphBuilder): void {
  const copies = emitCopies(calls);
  graph.countReads([...calls.flatMap(({ reads }) => reads), output]);
  for (const call of calls) {
    graph.scope(call);
    const emit = call.operation === 'stridedCopy' ? copies : emitters[call.operation];
    if (emit === undefined) throw unsupported(`the operation ${call.operation}`);
    emit(call, graph);
  }
}
