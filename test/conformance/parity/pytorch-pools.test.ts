import {
  AdaptiveAvgPool1D,
  AvgPool1D,
  AvgPool2D,
  backward,
  MaxPool1D,
  MaxPool2D,
  type OwnedTape,
  type Shape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { type PoolCase, readCases } from '../reference/read.js';
import type { Untyped } from '../../support/errors.js';
import { expectWithin, largest, roundoff } from '../../support/expect-within.js';

type Taped = Tensor<Shape, OwnedTape>;

/** Below this, float32 has few significant bits or none. */
const subnormal = 3e-45;

/** The largest number of windows over a value, or of values in a window along one axis: the length of the float32 sums. */
const sumLength = 25;

const cases = readCases<PoolCase>('pytorch/pools.jsonl');

describe('pooling compared with PyTorch', () => {
  it('has cases for each layer', () => {
    const layers = cases.map(({ op, kernel }) => `${op} ${Array.isArray(kernel) ? 2 : 1}`);
    expect(new Set(layers)).to.have.property('size', 5);
    expect(cases).to.have.length.at.least(150);
  });

  cases.forEach((reference, line) => {
    const { op, inputs, y } = reference;
    it(`${op} of [${inputs[0].shape.join(', ')}] to [${y.shape.join(', ')}], line ${line + 1}`, () => {
      compare(reference);
    });
  });
});

function compare(reference: PoolCase): void {
  const { op, inputs, y: expected, dy, gradients } = reference;
  const [{ values, shape }] = inputs;
  const x = Tensor.from(values, shape);
  const forward = (create(reference) as { forward: Untyped }).forward;
  const y = forward.call(create(reference), x.trace()) as Taped;
  expect(y.shape).to.deep.equal(expected.shape);
  const found = backward(y.mul(Tensor.from(dy, expected.shape)).sum(), { keep: [y] });
  const means = op === 'adaptive_avg_pool' ? sumLength * roundoff * largest(values) : 0;
  expectWithin(
    y.data,
    expected.values,
    (i) => roundoff * Math.abs(expected.values[i]) + subnormal + means,
    'y',
  );
  expectWithin(found.get(x)?.data ?? [], gradients[0], () => sumLength * roundoff * largest(dy), 'gradient');
}

function create(reference: PoolCase): object {
  const { op, kernel = 0, stride = 1, padding = 0, dilation = 1, length = 0 } = reference;
  if (op === 'adaptive_avg_pool') return new AdaptiveAvgPool1D(length);
  const ceilMode = reference.ceil_mode ?? false;
  const countIncludePad = reference.count_include_pad ?? true;
  const isImage = Array.isArray(kernel);
  if (op === 'max_pool') {
    const Class: unknown = isImage ? MaxPool2D : MaxPool1D;
    return (Reflect.construct as Untyped)(Class, [kernel, { stride, padding, dilation, ceilMode }]) as object;
  }
  const Class: unknown = isImage ? AvgPool2D : AvgPool1D;
  const options = { stride, padding, ceilMode, countIncludePad };
  return (Reflect.construct as Untyped)(Class, [kernel, options]) as object;
}
