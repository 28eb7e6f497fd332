import { inspect } from 'node:util';
import {
  BaseModule,
  BatchNorm2D,
  Conv2D,
  Flatten2D,
  Linear,
  ReLU,
  Residual,
  Sequential,
  summary,
  Tensor,
  type Tensor2D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

const net = () =>
  new Sequential(
    new Conv2D(1, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2D(8),
    new ReLU(),
    new Residual(new Sequential(new Conv2D(8, 8, 3, { padding: 1 }), new BatchNorm2D(8))),
    new Flatten2D(),
    new Linear(128, 10),
  );

describe('summary', () => {
  it('lists layers, output shapes and parameters', () => {
    const model = net();
    const { layers, parameters, trainable } = summary(model, [2, 1, 4, 4]);
    const rows = layers.map((each) => [
      each.path,
      each.layer,
      each.outputShape,
      each.parameters,
      each.trainable,
    ]);
    expect(rows).to.deep.equal([
      ['0', 'Conv2D(1, 8, 3)', [2, 8, 4, 4], 72, 72],
      ['1', 'BatchNorm2D(8)', [2, 8, 4, 4], 32, 16],
      ['2', 'ReLU()', [2, 8, 4, 4], 0, 0],
      ['3', 'Residual', [2, 8, 4, 4], 0, 0],
      ['3.0', 'Sequential', [2, 8, 4, 4], 0, 0],
      ['3.0.0', 'Conv2D(8, 8, 3)', [2, 8, 4, 4], 584, 584],
      ['3.0.1', 'BatchNorm2D(8)', [2, 8, 4, 4], 32, 16],
      ['4', 'Flatten2D()', [2, 128], 0, 0],
      ['5', 'Linear(128, 10)', [2, 10], 1290, 1290],
    ]);
    expect([parameters, trainable]).to.deep.equal([2010, 1978]);
  });

  it('prints as a table', () => {
    const text = [
      'layer               output  parameters',
      '0: Linear(1200, 2)  [3, 2]       2,402',
      '1: ReLU()           [3, 2]',
      '2,402 parameters, all trainable',
    ].join('\n');
    const result = summary(new Sequential(new Linear(1200, 2), new ReLU()), [3, 1200]);
    expect(String(result)).to.equal(text);
    expect(inspect(result)).to.equal(text);
  });

  it('leaves the model as it was, also if its forward throws', () => {
    const model = net();
    const x = Tensor.ones([1, 1, 4, 4]);
    const expected = [...model.forward(x).data];
    const keys = model.layers.map((layer) => Reflect.ownKeys(layer));
    const state = JSON.stringify(model);
    summary(model, [1, 1, 4, 4]);
    expectError(() => (summary as Untyped)(model, [1, 3, 4, 4]), RangeError, 'in 0 (Conv2D)');
    expect(model.layers.map((layer) => Reflect.ownKeys(layer))).to.deep.equal(keys);
    expect([...model.forward(x).data]).to.deep.equal(expected);
    expect(JSON.stringify(model)).to.equal(state);
  });

  it('lists the fields of a module, and a layer that is used twice once', () => {
    class Twice extends BaseModule {
      readonly line = new Linear(3, 3);
      readonly unused = new ReLU();
      forward(x: Tensor2D<number, 3>) {
        return this.line.forward(this.line.forward(x));
      }
    }
    const { layers, parameters } = summary(new Twice(), [2, 3]);
    expect(layers.map(({ path, outputShape }) => [path, outputShape])).to.deep.equal([
      ['line', [2, 3]],
      ['unused', undefined],
    ]);
    expect(parameters).to.equal(12);
    const [layer] = summary(new Linear(3, 2), [5, 3]).layers;
    expect([layer.path, layer.layer, layer.outputShape]).to.deep.equal(['', 'Linear(3, 2)', [5, 2]]);
  });

  it('refuses wrong arguments by name', () => {
    const call = summary as Untyped;
    expectError(() => call({}, [1]), TypeError, 'for model');
    expectError(() => call(net(), 'x'), TypeError, 'for shape');
    expectError(() => call(net(), [-1]), RangeError, 'for shape');
  });
});
