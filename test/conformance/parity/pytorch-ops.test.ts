import {
  AdaptiveAvgPool2D,
  AvgPool2D,
  backward,
  concat,
  crossEntropyWithLogitsLoss,
  Linear,
  type OwnedTape,
  type Shape,
  stack,
  Tensor,
  type Tensor2D,
  type Tensor4D,
  where,
} from 'batchnorm';
import { expect } from 'chai';
import { type IndexCase, type OpCase, readCases } from '../reference/read.js';
import { expectWithin } from '../../support/expect-within.js';
import { type GradientCase, toleranceOf } from './pytorch-tolerances.js';

type Taped = Tensor<Shape, OwnedTape>;

const cases = readCases<OpCase>('pytorch/ops.jsonl');

describe('operations compared with PyTorch', () => {
  it('has a case for each operation', () => {
    expect(new Set(cases.map(({ op }) => op))).to.have.property('size', 37);
  });

  cases.forEach((reference, line) => {
    const shapes = reference.inputs.map(({ shape }) => `[${shape.join(', ')}]`);
    it(`${reference.op} of ${shapes.join(' and ')}, line ${line + 1}`, () => {
      compare(reference);
    });
  });
});

function compare(reference: OpCase): void {
  if (isIndexCase(reference)) {
    compareIndices(reference);
    return;
  }
  const { inputs, y: expected, dy, gradients: expectedGradients } = reference;
  const { y, sources } = apply(reference);
  expect(y.shape).to.deep.equal(expected.shape);
  const weighted = y.reshape([dy.length]).mul(Tensor.from(dy, [dy.length]));
  const gradients = backward(weighted.sum(), { keep: y.shape.length > 0 ? [y] : [] });

  const tolerance = toleranceOf(reference);
  expectWithin(y.data, expected.values, tolerance.y, 'y');
  inputs.forEach((input, i) => {
    const gradient = gradients.get(sources[i]);
    if (gradient === undefined) throw new Error(`no gradient for input ${i}`);
    expect(gradient.shape).to.deep.equal(input.shape);
    expectWithin(gradient.data, expectedGradients[i], tolerance.gradients[i], `gradient ${i}`);
  });
}

function isIndexCase(reference: OpCase): reference is IndexCase {
  return reference.op === 'argmax' || reference.op === 'argmin';
}

function compareIndices({ op, inputs: [x], y, axis, keep_dims: keepDims }: IndexCase): void {
  const indices = Tensor.from(x.values, x.shape)[op]({
    ...(axis !== undefined && { axis }),
    ...(keepDims !== undefined && { keepDims }),
  });
  expect(indices.shape).to.deep.equal(y.shape);
  expect([...indices.data]).to.deep.equal(y.values);
}

interface Applied {
  readonly y: Taped;
  /** The tensors whose gradients are compared. */
  readonly sources: readonly Tensor<Shape>[];
}

function apply(reference: GradientCase): Applied {
  const sources = reference.inputs.map(({ values, shape }) => Tensor.from(values, shape));
  if (reference.op === 'linear') return applyLinear(sources);
  const operands: Taped[] = sources.map((source) => source.trace());
  return { y: result(reference, operands), sources };
}

/** Here the weights are parameters of the layer. */
function applyLinear([x, weight, bias]: readonly Tensor<Shape>[]): Applied {
  const [outputs, inputs] = weight.shape;
  const layer = new Linear<number, number>(inputs, outputs);
  layer.weight.data.set(weight.data);
  layer.bias.data.set(bias.data);
  const y = layer.forward(x.trace() as Tensor2D<number, number, OwnedTape>);
  return { y, sources: [x, layer.weight, layer.bias] };
}

function result(reference: GradientCase, operands: readonly Taped[]): Taped {
  const [a, b] = operands;
  // Ranks are known only at run time.
  const matrices = operands as readonly Tensor2D<number, number, OwnedTape>[];
  switch (reference.op) {
    case 'add':
      return a.add(b);
    case 'sub':
      return a.sub(b);
    case 'mul':
      return a.mul(b);
    case 'div':
      return a.div(b);
    case 'exp':
      return a.exp();
    case 'log':
      return a.log();
    case 'sqrt':
      return a.sqrt();
    case 'square':
      return a.square();
    case 'relu':
      return a.relu();
    case 'sum':
      return a.sum();
    case 'mean':
      return a.mean();
    case 'reshape':
      return a.reshape(reference.sizes ?? reference.y.shape);
    case 'permute':
      return a.permute(reference.axes);
    case 'transpose':
      return a.transpose(reference.axes[0], reference.axes[1]);
    case 'slice':
      return a.slice(reference.options);
    case 'concat':
      return concat(operands, { axis: reference.axis });
    case 'maximum':
      return a.maximum(b);
    case 'minimum':
      return a.minimum(b);
    case 'clamp':
      return a.clamp(reference.options);
    case 'avg_pool_of_pixels': {
      const { kernel, stride, padding } = reference;
      const pool = new AvgPool2D(kernel, { stride, padding, countIncludePad: false });
      return pool.forward(a as Tensor4D<number, number, number, number, OwnedTape>);
    }
    case 'adaptive_avg_pool':
      return new AdaptiveAvgPool2D(reference.sizes).forward(
        a as Tensor4D<number, number, number, number, OwnedTape>,
      );
    case 'pow':
      return a.pow(reference.exponent);
    case 'where':
      return where(Tensor.from(reference.condition.values, reference.condition.shape), a, b);
    case 'stack':
      return stack(operands, { axis: reference.axis });
    case 'sum_axes':
      return a.sum({ axes: reference.axes, keepDims: reference.keep_dims });
    case 'mean_axes':
      return a.mean({ axes: reference.axes, keepDims: reference.keep_dims });
    case 'amax':
      return a.max({ axes: reference.axes, keepDims: reference.keep_dims });
    case 'amin':
      return a.min({ axes: reference.axes, keepDims: reference.keep_dims });
    case 'max':
      return a.max();
    case 'min':
      return a.min();
    case 'matmul':
      return matrices[0].matmul(matrices[1]);
    case 'log_softmax':
      return matrices[0].logSoftmax();
    case 'cross_entropy_indices':
      return crossEntropyWithLogitsLoss(matrices[0], reference.classes);
    case 'cross_entropy_probabilities':
      return crossEntropyWithLogitsLoss(matrices[0], Tensor.from(reference.probabilities, matrices[0].shape));
    case 'linear':
      throw new Error('Expected an operation on operands but found a layer');
  }
}
