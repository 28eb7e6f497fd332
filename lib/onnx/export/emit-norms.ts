import { elementCount, type Shape } from '../../core/shape.js';
import type { CapturedCall } from '../../plan/captured-graph.js';
import { type Emit, float, type GraphBuilder, int, ints } from './graph-builder.js';

const sizesOf = ({ args }: CapturedCall, ...names: string[]) => names.map((name) => Number(args[name]));

/** The ReLU, and the sum before it, that an operation may be fused with. */
function withRelu(call: CapturedCall, graph: GraphBuilder, name: string, shape: Shape): string {
  if (call.args.relu !== true) return name;
  const { residual } = call.args;
  const sum = residual === null ? name : graph.node('Add', [name, graph.read(residual, shape)]);
  return graph.node('Relu', [sum]);
}

export const emitBatchNorm: Emit = (call, graph) => {
  const [images, channels, plane] = sizesOf(call, 'images', 'channels', 'plane');
  const { args } = call;
  const given = graph.find(graph.whole(args.x)).shape;
  const fits = given.length >= 2 && given[0] === images && given[1] === channels;
  const shape = fits ? given : plane === 1 ? [images, channels] : [images, channels, plane];
  const parameters = [args.scale, args.bias, args.runningMean, args.runningVar];
  const inputs = [graph.read(args.x, shape), ...parameters.map((each) => graph.read(each, [channels]))];
  const epsilon = float(Number(args.epsilon));
  const name = graph.node('BatchNormalization', inputs, { epsilon });
  graph.write(args.y, { name: withRelu(call, graph, name, shape), shape });
};

/** Layer, instance and group norm, and RMS norm, which is not centered. */
export const emitGroupNorm: Emit = (call, graph) => {
  const [images, groups, channels, plane] = sizesOf(call, 'images', 'groups', 'channels', 'plane');
  const { args } = call;
  const given = graph.find(graph.whole(args.x)).shape;
  if (args.centered === false) {
    const shape = [images, groups, channels * plane];
    const normalized = rootMeanSquare(graph, graph.read(args.x, shape), Number(args.epsilon));
    writeAffine(call, graph, normalized, shape, [images, groups * channels, plane], given);
  } else if (groups === 1 && plane === 1) {
    writeLayerNorm(call, graph, given, channels);
  } else if (channels === 1) {
    const shape =
      given.length >= 3 && given[0] === images && given[1] === groups ? given : [images, groups, plane];
    const [scale, bias] = args.affine === true ? [args.scale, args.bias] : [null, null];
    const parameters = [
      scale === null ? graph.floats(Array<number>(groups).fill(1)) : graph.read(scale, [groups]),
      bias === null ? graph.floats(Array<number>(groups).fill(0)) : graph.read(bias, [groups]),
    ];
    graph.write(args.y, { name: instanceNorm(call, graph, graph.read(args.x, shape), parameters), shape });
  } else {
    const shape = [images, groups, channels * plane];
    const parameters = [1, 0].map((value) => graph.floats(Array<number>(groups).fill(value)));
    const normalized = instanceNorm(call, graph, graph.read(args.x, shape), parameters);
    writeAffine(call, graph, normalized, shape, [images, groups * channels, plane], given);
  }
};

function instanceNorm(
  call: CapturedCall,
  graph: GraphBuilder,
  x: string,
  parameters: readonly string[],
): string {
  return graph.node('InstanceNormalization', [x, ...parameters], {
    epsilon: float(Number(call.args.epsilon)),
  });
}

function writeLayerNorm(call: CapturedCall, graph: GraphBuilder, given: Shape, count: number): void {
  const { args } = call;
  const first = given.findIndex((_, axis) => elementCount(given.slice(axis)) === count);
  const shape = first < 0 ? [given.length === 0 ? 1 : elementCount(given) / count, count] : given;
  const axis = first < 0 ? 1 : first;
  const parameterShape = shape.slice(axis);
  const ones = () => graph.floats(Array<number>(count).fill(1), parameterShape);
  const scale = args.affine === true ? graph.read(args.scale, parameterShape) : ones();
  const hasBias = args.affine === true && args.bias !== null;
  const inputs = [
    graph.read(args.x, shape),
    scale,
    ...(hasBias ? [graph.read(args.bias, parameterShape)] : []),
  ];
  const attributes = { axis: int(axis - shape.length), epsilon: float(Number(args.epsilon)) };
  graph.write(args.y, { name: graph.node('LayerNormalization', inputs, attributes), shape });
}

function rootMeanSquare(graph: GraphBuilder, x: string, epsilon: number): string {
  const squares = graph.node('Mul', [x, x]);
  const mean = graph.node('ReduceMean', [squares], { axes: ints([-1]), keepdims: int(1) });
  const root = graph.node('Sqrt', [graph.node('Add', [mean, graph.scalar(epsilon)])]);
  return graph.node('Div', [x, root]);
}

/** Scale and bias of each channel after a normalization. */
function writeAffine(
  call: CapturedCall,
  graph: GraphBuilder,
  name: string,
  shape: Shape,
  [images, channels, plane]: readonly [number, number, number],
  given: Shape,
): void {
  const { args } = call;
  if (args.affine !== true) {
    graph.write(args.y, { name, shape });
    return;
  }
  const fits = given.length >= 2 && given[0] === images && given[1] === channels;
  const whole = fits ? given : plane === 1 ? [images, channels] : [images, channels, plane];
  const parameterShape = [channels, ...whole.slice(2).map(() => 1)];
  const x = graph.inShape({ name, shape }, whole);
  const scaled = graph.node('Mul', [x, graph.read(args.scale, parameterShape)]);
  const shifted =
    args.bias === null ? scaled : graph.node('Add', [scaled, graph.read(args.bias, parameterShape)]);
  graph.write(args.y, { name: shifted, shape: whole });
}
