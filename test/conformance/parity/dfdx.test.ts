import { Adam, backward, BatchNorm2D, RMSprop, type Shape, Sgd, Tensor } from 'batchnorm';
import type { CanUpdateWithGradients, Gradients } from 'batchnorm';
import { expect } from 'chai';
import {
  type DfdxBatchNorm,
  type DfdxCase,
  type DfdxOptimizer,
  type NestedNumbers,
  readCases,
} from '../reference/read.js';
import { expectClose } from '../../support/expect-within.js';

// dfdx computes in float32. Compared with nearly exact results (those of our portable backend), its errors relative
// to the largest value of an array are: outputs and statistics 1.5e-7, gradients 6.5e-7, parameters after six
// steps 3.5e-7. Our float32 results add as much again.
const forwardBound = 4e-7;
const gradientBound = 1.5e-6;
const parameterBound = 1e-6;
// dfdx computes 1 - 0.999^t in float32. Its numbers differ by 3.8e-6 from its formulas in float64 and by 2.9e-7
// from those in float32; ours subtract in float64.
const adamBound = 5e-6;

interface Optimizer {
  update(module: CanUpdateWithGradients, gradients: Gradients): void;
}

const optimizers: Readonly<Record<string, () => Optimizer>> = {
  'Sgd default': () => new Sgd(),
  'Sgd lr 0.1 momentum 0.9': () => new Sgd({ lr: 0.1, momentum: 0.9 }),
  'Sgd lr 0.1 L2 0.1': () => new Sgd({ lr: 0.1, weightDecay: 0.1 }),
  'Sgd lr 0.1 momentum 0.9 decoupled 0.1': () =>
    new Sgd({ lr: 0.1, momentum: 0.9, weightDecay: { decoupled: 0.1 } }),
  'Adam default': () => new Adam(),
  'Adam lr 0.1 L2 0.1': () => new Adam({ lr: 0.1, weightDecay: 0.1 }),
  'RMSprop default': () => new RMSprop(),
  'RMSprop lr 0.1 alpha 0.9': () => new RMSprop({ lr: 0.1, alpha: 0.9 }),
  'RMSprop lr 0.1 momentum 0.9': () => new RMSprop({ lr: 0.1, momentum: 0.9 }),
  'RMSprop lr 0.1 L2 0.1': () => new RMSprop({ lr: 0.1, weightDecay: 0.1 }),
};

const cases = readCases<DfdxCase>('dfdx/dfdx.jsonl');

describe('dfdx 0.10', () => {
  it('has a case for every mode and every optimizer', () => {
    const kinds = cases.map((each) => (each.kind === 'optimizer' ? each.name : each.kind));
    expect(kinds).to.include.members(['bn3d', 'bn4d', ...Object.keys(optimizers)]);
  });

  for (const reference of cases) {
    if (reference.kind !== 'bn3d' && reference.kind !== 'bn4d') continue;
    const { kind, epsilon, momentum } = reference;
    it(`BatchNorm2D, ${kind}, epsilon ${epsilon}, momentum ${momentum}`, () => {
      compareBatchNorm(reference);
    });
  }

  for (const reference of cases) {
    if (reference.kind !== 'optimizer') continue;
    it(reference.name, () => {
      compareOptimizer(reference);
    });
  }
});

function compareBatchNorm(reference: DfdxBatchNorm): void {
  const { epsilon, momentum } = reference;
  expect(reference.steps).to.have.length(3);
  const bn = new BatchNorm2D(3, { epsilon, momentum });
  bn.scale.data.set(reference.scale);
  bn.bias.data.set(reference.bias);
  reference.steps.forEach((step, index) => {
    const x = images(reference.x);
    const y = bn.forwardMut(x.trace());
    const gradients = backward(y.exp().mean(), { keep: [y] });
    const place = `step ${index}: `;
    expectClose(y.data, flat(step.y), forwardBound, `${place}y`);
    expectClose(valuesOf(gradients, x), flat(step.dx), gradientBound, `${place}dx`);
    expectClose(valuesOf(gradients, bn.scale), step.dscale, gradientBound, `${place}dscale`);
    expectClose(valuesOf(gradients, bn.bias), step.dbias, gradientBound, `${place}dbias`);
    expectClose(bn.runningMean.data, step.running_mean, forwardBound, `${place}runningMean`);
    expectClose(bn.runningVar.data, step.running_var, forwardBound, `${place}runningVar`);
  });
  const state = JSON.stringify(bn);
  const y = bn.forward(images(reference.x_infer));
  expectClose(y.data, flat(reference.y_infer), forwardBound, 'y of inference');
  expect(JSON.stringify(bn)).to.equal(state);
}

function compareOptimizer(reference: DfdxOptimizer): void {
  const make = optimizers[reference.name];
  if (make === undefined) throw new Error(`Expected an optimizer in this test for "${reference.name}"`);
  const optimizer = make();
  const bound = optimizer instanceof Adam ? adamBound : parameterBound;
  expect(reference.steps).to.have.length(6);
  const bn = new BatchNorm2D(3);
  const x = images(reference.x);
  reference.steps.forEach(({ scale, bias }, step) => {
    optimizer.update(bn, backward(bn.forwardMut(x.trace()).exp().mean()));
    expectClose(bn.scale.data, scale, bound, `step ${step}: scale`);
    expectClose(bn.bias.data, bias, bound, `step ${step}: bias`);
  });
}

type Images = readonly [number, 3, number, number] | readonly [3, number, number];

function images(values: NestedNumbers): Tensor<Images> {
  return Tensor.from(values, shapeOf(values) as Images);
}

function shapeOf(values: number | NestedNumbers): Shape {
  return typeof values === 'number' ? [] : [values.length, ...shapeOf(values[0])];
}

function flat(values: NestedNumbers): number[] {
  return (values as readonly unknown[]).flat(Infinity) as number[];
}

function valuesOf(gradients: Gradients, tensor: Tensor<Shape>): Float32Array {
  const gradient = gradients.get(tensor);
  if (gradient === undefined) throw new Error('Expected a gradient');
  return gradient.data;
}
