import {
  backward,
  Conv1D,
  Conv2D,
  ConvTranspose1D,
  ConvTranspose2D,
  type NamedTensor,
  type OwnedTape,
  type Shape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { type ConvolutionCase, readCases } from '../reference/read.js';
import {
  type ConvolutionAxis,
  type ConvolutionResults,
  type ConvolutionSizes,
  magnitudesOf,
} from '../../support/convolution.js';
import { expectWithin } from '../../support/expect-within.js';

// Float32 sums in any order: relative to the sum of all magnitudes.
const sumBound = 1e-6;

describe('convolutions compared with PyTorch', () => {
  readCases<ConvolutionCase>('pytorch/convolution.jsonl').forEach((reference, line) => {
    const shapes = reference.inputs.map(({ shape }) => `[${shape.join(', ')}]`);
    it(`${shapes.join(' and ')}, line ${line + 1}`, () => {
      compare(reference);
    });
  });
});

function compare(reference: ConvolutionCase) {
  const { inputs, dy, y: expected, gradients, exact } = reference;
  const [x, weight, bias] = inputs;
  const layer = layerOf(reference);
  layer.weight.data.set(weight.values);
  if (inputs.length > 2) layer.bias?.data.set(bias.values);
  const input = Tensor.from(x.values, x.shape);
  const y = layer.forward(input.trace());
  expect(y.shape).to.deep.equal(expected.shape);
  const weighted = y.reshape([dy.length]).mul(Tensor.from(dy, [dy.length]));
  const found = backward(weighted.sum(), { keep: [y] });

  const biases = inputs.length > 2 ? bias.values : undefined;
  const magnitudes = magnitudesOfCase(reference, biases);
  const within = (sums: Float64Array) => (i: number) => (exact ? 0 : sumBound * sums[i]);
  expectWithin(y.data, expected.values, within(magnitudes.y), 'y');
  const sources = [input, ...layer.parameters().map(([, tensor]) => tensor)];
  expect(sources).to.have.length(inputs.length);
  for (const [i, source] of sources.entries()) {
    const gradient = found.get(source);
    if (gradient === undefined) throw new Error(`no gradient for input ${i}`);
    expect(gradient.shape).to.deep.equal(inputs[i].shape);
    expectWithin(gradient.data, gradients[i], within(magnitudes.gradients[i]), `gradient ${i}`);
  }
}

/** The sums of magnitudes of the result and of the gradients. */
function magnitudesOfCase(
  reference: ConvolutionCase,
  bias: readonly number[] | undefined,
): ConvolutionResults {
  const [x, weight] = reference.inputs;
  const sizes = sizesOf(reference);
  if (!isTransposed(reference.op)) return magnitudesOf(sizes, x.values, weight.values, bias, reference.dy);
  // y = the gradient of that convolution's input, where x is the gradient of its output.
  const { y, gradients } = magnitudesOf(sizes, reference.dy, weight.values, undefined, x.values);
  const channels = sizes.groups * sizes.inChannels;
  const plane = sizes.rows.size * sizes.columns.size;
  const channelOf = (index: number): number => Math.floor(index / plane) % channels;
  const dbias = new Float64Array(channels);
  reference.dy.forEach((value, index) => (dbias[channelOf(index)] += Math.abs(value)));
  const sums = gradients[0].map((sum, index) => sum + Math.abs(bias?.[channelOf(index)] ?? 0));
  return { y: sums, gradients: [y, gradients[1], dbias] };
}

interface AnyConvolution {
  readonly weight: Tensor<Shape>;
  readonly bias: Tensor<Shape> | undefined;
  parameters(): readonly NamedTensor[];
  forward(x: Tensor<Shape, OwnedTape>): Tensor<Shape, OwnedTape>;
}

function layerOf({
  op,
  inputs,
  output_padding: outputPadding,
  ...settings
}: ConvolutionCase): AnyConvolution {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = settings;
  const [first, second, ...kernel] = inputs[1].shape;
  const [inChannels, outChannels] = isTransposed(op) ? [first, second * groups] : [second * groups, first];
  const further = outputPadding === undefined ? {} : { outputPadding };
  const options = { stride, padding, dilation, groups, bias: inputs.length > 2, ...further };
  const Class = classes[op];
  const kernelSize = kernel.length === 1 ? kernel[0] : kernel;
  return Reflect.construct(Class, [inChannels, outChannels, kernelSize, options]) as AnyConvolution;
}

const classes = {
  conv1d: Conv1D,
  conv2d: Conv2D,
  conv_transpose1d: ConvTranspose1D,
  conv_transpose2d: ConvTranspose2D,
};

const isTransposed = (op: ConvolutionCase['op']) => op.startsWith('conv_transpose');

function sizesOf({
  op,
  inputs,
  y: result,
  stride = 1,
  padding = 0,
  dilation = 1,
  groups = 1,
}: ConvolutionCase): ConvolutionSizes {
  const [input, weight] = inputs;
  // A transposed convolution is the input gradient of a convolution.
  const [x, y] = isTransposed(op) ? [result, input] : [input, result];
  const signals = weight.shape.length === 3;
  const axisOf = (axis: 0 | 1): ConvolutionAxis => {
    const of = (pair: number | readonly number[]) => (typeof pair === 'number' ? pair : pair[axis]);
    // Signals have one row.
    if (axis >= weight.shape.length - 2) {
      return { size: 1, outSize: 1, kernel: 1, stride: 1, dilation: 1, padding: 0 };
    }
    const kernel = weight.shape[2 + axis];
    return {
      size: x.shape[2 + axis],
      outSize: y.shape[2 + axis],
      kernel,
      stride: of(stride),
      dilation: of(dilation),
      padding: padding === 'same' ? Math.floor(((kernel - 1) * of(dilation)) / 2) : of(padding),
    };
  };
  return {
    images: x.shape[0],
    groups,
    inChannels: weight.shape[1],
    outChannels: weight.shape[0] / groups,
    rows: signals ? axisOf(1) : axisOf(0),
    columns: signals ? axisOf(0) : axisOf(1),
  };
}
