import {
  backward,
  type BaseModule,
  GroupNorm,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  LayerNorm,
  RMSNorm,
  type Shape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import type { Untyped } from '../../support/errors.js';
import { expectWithin } from '../../support/expect-within.js';
import { type GroupGeometry, groupNormReference } from '../../support/group-norm-reference.js';
import { type NormCase, readCases } from '../reference/read.js';

// The part of a bound by which PyTorch in float64 and the float64 formulas may differ. The bounds are relative to the
// magnitudes of the terms; results may be zero.
const float64Share = 1e-5;

interface Norm extends BaseModule {
  readonly scale: Tensor<Shape> | undefined;
  readonly bias?: Tensor<Shape> | undefined;
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const cases = readCases<NormCase>('pytorch/norms.jsonl');

describe('norms of single samples compared with PyTorch', () => {
  it('has cases for each norm', () => {
    expect(new Set(cases.map(({ op }) => op))).to.have.property('size', 4);
    expect(cases).to.have.length.at.least(200);
  });

  cases.forEach((reference, line) => {
    const [{ shape }] = reference.inputs;
    const parameters = reference.inputs.length > 1 ? 'with' : 'without';
    it(`${reference.op} of [${shape.join(', ')}] ${parameters} parameters, line ${line + 1}`, () => {
      compare(reference);
    });
  });
});

function compare(reference: NormCase): void {
  const { y: expected, dy, gradients, inputs, epsilon } = reference;
  const [{ values, shape }, weight, bias] = inputs as [NormCase['inputs'][0], ...Partial<NormCase['inputs']>];
  const norm = create(reference);
  const x = Tensor.from(values, shape);
  if (weight !== undefined) norm.scale?.data.set(weight.values);
  if (bias !== undefined) norm.bias?.data.set(bias.values);
  const forward = (norm as unknown as { forward: Untyped }).forward;
  const gradient = Tensor.from(dy, shape);
  const y = forward.call(norm, x.trace()) as ReturnType<typeof x.trace>;
  const found = backward(y.mul(gradient).sum(), { keep: [y] });
  const formulas = groupNormReference(
    ...([x.data, gradient.data, geometryOf(reference)] as const),
    ...([norm.scale?.data, norm.bias?.data, epsilon, reference.op !== 'rms_norm'] as const),
  );
  const { bounds } = formulas;

  const compareAll = (
    name: 'y' | 'dx' | 'dscale' | 'dbias',
    actual: ArrayLike<number>,
    right: ArrayLike<number>,
  ) => {
    expectWithin(actual, right, bounds[name], name);
    expectWithin(formulas[name], right, (i) => float64Share * bounds[name](i), `${name} by the formulas`);
  };
  compareAll('y', y.data, expected.values);
  compareAll('dx', found.get(x)?.data ?? [], gradients[0]);
  if (norm.scale !== undefined) compareAll('dscale', found.get(norm.scale)?.data ?? [], gradients[1]);
  if (norm.bias !== undefined) compareAll('dbias', found.get(norm.bias)?.data ?? [], gradients[2]);
}

function create({ op, inputs, groups = 1, axes = 0, epsilon }: NormCase): Norm {
  const [{ shape }] = inputs;
  const options = { affine: inputs.length > 1, epsilon };
  if (op === 'layer_norm' || op === 'rms_norm') {
    const Class = op === 'layer_norm' ? LayerNorm : RMSNorm;
    return new Class(shape.slice(-axes), options);
  }
  const channels = shape[1];
  if (op === 'group_norm') return new GroupNorm(groups, channels, options);
  const Class = { 3: InstanceNorm1D, 4: InstanceNorm2D, 5: InstanceNorm3D }[shape.length as 3 | 4 | 5];
  return new Class(channels, options);
}

function geometryOf({ op, inputs, groups = 1, axes = 0 }: NormCase): GroupGeometry {
  const [{ shape, values }] = inputs;
  const [images, channels, ...rest] = shape;
  if (op === 'layer_norm' || op === 'rms_norm') {
    const elements = count(shape.slice(-axes));
    return { images: values.length / elements, groups: 1, channels: elements, plane: 1 };
  }
  const groupCount = op === 'group_norm' ? groups : channels;
  return { images, groups: groupCount, channels: channels / groupCount, plane: count(rest) };
}
