import { elementCount, sameShape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { BatchNorm1D } from '../../nn/norm/batch-norm-1d.js';
import { BatchNorm2D } from '../../nn/norm/batch-norm-2d.js';
import { BatchNorm3D } from '../../nn/norm/batch-norm-3d.js';
import { FrozenBatchNorm1D } from '../../nn/norm/frozen-batch-norm-1d.js';
import { FrozenBatchNorm2D } from '../../nn/norm/frozen-batch-norm-2d.js';
import { FrozenBatchNorm3D } from '../../nn/norm/frozen-batch-norm-3d.js';
import { GroupNorm } from '../../nn/norm/group-norm.js';
import { InstanceNorm1D } from '../../nn/norm/instance-norm-1d.js';
import { InstanceNorm2D } from '../../nn/norm/instance-norm-2d.js';
import { InstanceNorm3D } from '../../nn/norm/instance-norm-3d.js';
import { LayerNorm } from '../../nn/norm/layer-norm.js';
import type { Layer } from '../../nn/shape-rule.js';
import { avgPool } from '../../ops/pool.js';
import type { AnyTensor } from '../values.js';
import { adoptParameters } from './adopt-parameters.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { chain, consume, type Operator, operator, type Prepared } from './operator.js';
import { sameAsInput } from './sizes.js';

interface NormOptions {
  readonly epsilon: number;
}

/** A layer without modes. */
interface Norm {
  forward(x: never): unknown;
}

const byAxes = <T>(node: NodeReader, kinds: readonly [T, T, T]): T => {
  const axes = Math.max(1, node.rank(0) - 2);
  return kinds.at(axes - 1) ?? node.unsupported(`${axes} spatial axes`);
};

/** Whether all parameters of a norm are constants of the same number of channels. */
function channelsOf(parameters: readonly (AnyTensor | undefined)[]): number | undefined {
  const [first] = parameters;
  if (first?.shape.length !== 1 || first.shape[0] === 0) return undefined;
  return parameters.every((each) => each !== undefined && sameShape(each.shape, first.shape))
    ? first.shape[0]
    : undefined;
}

export const BatchNormalization: Operator = operator(sameAsInput, (node) => {
  node.only('training_mode', 0);
  node.only('spatial', 1);
  const epsilon = node.number('epsilon', 1e-5);
  // ONNX's momentum is the weight of the old statistics.
  const momentum = Number((1 - node.number('momentum', 0.9)).toPrecision(7));
  const parameters = [1, 2, 3, 4].map((i) => node.tensor(i));
  if (channelsOf(parameters) !== undefined) {
    const [scale, bias, runningMean, runningVar] = parameters;
    const Class = byAxes<new (channels: number, options: object) => Layer>(node, [
      BatchNorm1D,
      BatchNorm2D,
      BatchNorm3D,
    ]);
    const layer = adoptParameters(new Class(1, { epsilon, momentum }), {
      ...{ scale, bias, runningMean, runningVar },
    });
    return { layer, held: [1, 2, 3, 4], compute: (call) => call.layer(call.tensor(0)) };
  }
  const Class = byAxes<new (channels: number, options: NormOptions) => Norm>(node, [
    FrozenBatchNorm1D,
    FrozenBatchNorm2D,
    FrozenBatchNorm3D,
  ]);
  return (call) => {
    const [scale, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => call.tensor(i));
    const norm = adoptParameters(new Class(1, { epsilon }), { scale, bias, runningMean, runningVar });
    return norm.forward(call.tensor(0) as never) as AnyTensor;
  };
});

export const InstanceNormalization: Operator = operator(sameAsInput, (node) => {
  const epsilon = node.number('epsilon', 1e-5);
  const Class = byAxes<new (channels: number, options: NormOptions & { affine: true }) => Layer & Norm>(
    node,
    [InstanceNorm1D, InstanceNorm2D, InstanceNorm3D],
  );
  const create = (scale: AnyTensor, bias: AnyTensor) => {
    const channels = scale.shape[0];
    return adoptParameters(new Class(channels, { epsilon, affine: true }), { scale, bias });
  };
  const [scale, bias] = [node.tensor(1), node.tensor(2)];
  if (scale !== undefined && bias !== undefined && channelsOf([scale, bias]) !== undefined) {
    return { layer: create(scale, bias), held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
  }
  return (call) => {
    const norm = create(call.tensor(1), call.tensor(2));
    return norm.forward(call.tensor(0) as never) as AnyTensor;
  };
});

export const GroupNormalization: Operator = operator(sameAsInput, (node) => {
  const epsilon = node.number('epsilon', 1e-5);
  const groups = node.number('num_groups', 1);
  const [scale, bias] = [node.tensor(1), node.tensor(2)];
  const channels = channelsOf([scale, bias]);
  // Before opset 21 each group has one scale and one bias.
  if (node.opset >= 21 && channels !== undefined && channels % groups === 0) {
    const layer = adoptParameters(new GroupNorm(groups, channels, { epsilon }), { scale, bias });
    return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
  }
  return (call) => {
    const x = call.tensor(0);
    const [images, count, ...spatial] = x.shape;
    const norm = new GroupNorm(groups, count, { epsilon, affine: false });
    const parts = node.opset >= 21 ? count : groups;
    const rows = [images, parts, -1];
    return chain(
      norm.forward<AnyTensor>(x),
      (each) => each.reshape(rows),
      (each) => each.mul(call.tensor(1).reshape([parts, 1])),
      (each) => each.add(call.tensor(2).reshape([parts, 1])),
      (each) => each.reshape([images, count, ...spatial]),
    );
  };
});

/** Normalizes the axes from one on; mean and inverse deviation are further outputs. */
export const LayerNormalization: Operator = {
  sizes: (node) => {
    const sizes = node.sizes(0);
    if (sizes === undefined) return [undefined];
    const axis = axisOf(node.number('axis', -1), sizes.length, node);
    const reduced = sizes.map((size, i) => (i < axis ? size : 1));
    return [sizes, reduced, reduced];
  },
  prepare: (node): Prepared => {
    const epsilon = node.number('epsilon', 1e-5);
    const given = node.number('axis', -1);
    const [scale, bias] = [node.tensor(1), node.tensor(2)];
    const sizes = node.sizes(0)?.slice(given < 0 ? given : given);
    const isSingle = node.node.outputs.slice(1).every((name) => name === '');
    const isConstant = scale !== undefined && (bias !== undefined || !node.has(2));
    const fits = (each: AnyTensor | undefined) =>
      each === undefined ||
      (each.shape.length === sizes?.length && each.shape.every((size, i) => size === sizes[i]));
    if (isSingle && isConstant && fits(scale) && fits(bias) && elementCount(scale.shape) > 0) {
      const layer = new LayerNorm(scale.shape, { epsilon });
      adoptParameters(layer, { scale, bias: bias ?? Tensor.zeros(scale.shape) });
      return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
    }
    return {
      compute: (call) => {
        const x = call.tensor(0);
        const axis = axisOf(given, x.shape.length, node);
        const options = { axes: x.shape.map((_, i) => i).slice(axis), keepDims: true };
        const mean: AnyTensor = x.mean(options);
        const centered: AnyTensor = x.sub(mean);
        const variance = consume(centered.square(), (each) => each.mean(options));
        const inverse = chain(variance.add(epsilon), (each) => each.pow(-0.5));
        const scaled = chain(
          centered,
          (each) => each.mul(inverse),
          (each) => each.mul(call.tensor(1)),
        );
        return [call.has(2) ? consume(scaled, (each) => each.add(call.tensor(2))) : scaled, mean, inverse];
      },
    };
  },
};

/** x / (bias + alpha * mean of the squares of neighboring channels)^beta, where channels outside count as zeros. */
export const LRN: Operator = operator(sameAsInput, (node) => {
  const [alpha, beta] = [node.number('alpha', 1e-4), node.number('beta', 0.75)];
  const [bias, size] = [node.number('bias', 1), node.number('size', 0)];
  if (!Number.isSafeInteger(size) || size < 1) node.unsupported(`size = ${size}`);
  const before = Math.floor((size - 1) / 2);
  const padding = { before, after: size - 1 - before };
  const pixel = { kernel: 1, padding: { before: 0, after: 0 } };
  const common = { stride: 1, dilation: 1, ceilMode: false };
  const windows = { rows: { ...common, kernel: size, padding }, columns: { ...common, ...pixel } };
  return (call) => {
    const x = call.tensor(0);
    const [images, channels] = x.shape;
    // Channels are the rows of images with one column for each pixel.
    return chain(
      x.square(),
      (each) => each.reshape([images, 1, channels, -1]),
      (each) => avgPool(each, windows, true),
      (each) => each.mul(alpha),
      (each) => each.add(bias),
      (each) => each.pow(-beta),
      (each) => each.reshape(x.shape),
      (each) => each.mul(x),
    );
  };
});
