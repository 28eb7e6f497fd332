import {
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
} from 'batchnorm';
import { type Any, axisOf, type Operators } from './operator.js';
import { type Call, Inexpressible } from './value.js';

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

/** Operators that normalize. */
export const norms: Operators = {
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
};
