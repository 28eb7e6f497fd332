import { backward, Conv2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { type ConvolutionCase, readCases } from '../reference/read.js';
import { type ConvolutionSizes, magnitudesOf } from '../../support/convolution.js';
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

function compare({ inputs, dy, y: expected, gradients, exact, ...settings }: ConvolutionCase) {
  const [x, weight, bias] = inputs;
  const [images, inChannels, height, width] = x.shape;
  const [outChannels, , kernel] = weight.shape;
  const { stride, padding } = settings;
  const layer = new Conv2D<number, number, number, number, number>(inChannels, outChannels, kernel, {
    stride,
    padding,
    bias: inputs.length > 2,
  });
  layer.weight.data.set(weight.values);
  if (inputs.length > 2) layer.bias?.data.set(bias.values);
  const input = Tensor.from(x.values, [images, inChannels, height, width]);
  const y = layer.forward(input.trace());
  expect(y.shape).to.deep.equal(expected.shape);
  const weighted = y.reshape([dy.length]).mul(Tensor.from(dy, [dy.length]));
  const found = backward(weighted.sum(), { keep: [y] });

  const sizes: ConvolutionSizes = {
    images,
    inChannels,
    height,
    width,
    outChannels,
    kernel,
    ...{ stride, padding },
  };
  const biases = inputs.length > 2 ? bias.values : undefined;
  const magnitudes = magnitudesOf(sizes, x.values, weight.values, biases, dy);
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
