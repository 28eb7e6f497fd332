import { backward, Flatten, Linear, ReLU, Sequential, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

describe('Flatten', () => {
  const values = Array.from({ length: 24 }, (_, i) => i);
  const x = Tensor.from(values, [2, 3, 2, 2]);

  it('joins the axes from any axis on and keeps the values in their order', () => {
    expect(new Flatten(0).forward(x).shape).to.deep.equal([24]);
    expect(new Flatten().forward(x).shape).to.deep.equal([2, 12]);
    expect(new Flatten(2).forward(x).shape).to.deep.equal([2, 3, 4]);
    expect(new Flatten(3).forward(x).shape).to.deep.equal([2, 3, 2, 2]);
    expect([...new Flatten(2).forward(x).data]).to.deep.equal(values);
    expect(new Flatten().forward(Tensor.zeros([0, 3, 2])).shape).to.deep.equal([0, 6]);
  });

  it('passes the gradient on in the shape of its input', () => {
    const y = new Flatten().forward(x.trace());
    const gradient = backward(y.square().sum()).get(x);
    expect(gradient?.shape).to.deep.equal([2, 3, 2, 2]);
    expect([...(gradient?.data ?? [])]).to.deep.equal(values.map((value) => 2 * value));
  });

  it('works between other layers, and has a clone and a description', () => {
    const net = new Sequential(new ReLU(), new Flatten(), new Linear(12, 5));
    expect(net.forward(x).shape).to.deep.equal([2, 5]);
    expect(new Flatten(2).clone().startAxis).to.equal(2);
    expect(String(new Flatten(2))).to.equal('Flatten(2)');
  });

  it('rejects tensors without that axis, and invalid axes', () => {
    const forward = (layer: object, value: unknown) => (layer as { forward: Untyped }).forward(value);
    expectError(() => forward(new Flatten(2), Tensor.zeros([3, 4])), RangeError, 'an axis 2', '[3, 4]');
    expectError(() => forward(new Flatten(), 5), TypeError, 'a Tensor for x', '5');
    const make = (...given: unknown[]) => Reflect.construct(Flatten, given) as object;
    expectError(() => make('1'), TypeError, 'a non-negative integer for startAxis', '"1"');
    expectError(() => make(-1), RangeError, 'startAxis', '-1');
    expectError(() => make(0.5), RangeError, 'startAxis', '0.5');
    expectError(() => make(null), TypeError, 'startAxis', 'null');
  });
});
