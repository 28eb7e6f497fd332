import { inspect } from 'node:util';
import { BatchNorm2D, FrozenBatchNorm2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

describe('BatchNorm2D.toJSON and fromJSON', () => {
  it('preserve the exact values', () => {
    const bn = new BatchNorm2D(4, { epsilon: 1e-3, momentum: 'cumulative' });
    for (const [, tensor] of bn.parameters()) tensor.data.set(values(seeded(1), 4));
    bn.forwardMut(Tensor.from(values(seeded(2), 16), [4, 2, 2]).trace());
    const copy = BatchNorm2D.fromJSON(JSON.parse(JSON.stringify(bn)));
    expect(copy.toJSON()).to.deep.equal(bn.toJSON());
    copy.parameters().forEach(([name, tensor], i) => {
      expect(tensor.data, name).to.deep.equal(bn.parameters()[i][1].data);
    });
  });

  it('encode values that JSON cannot express', () => {
    const bn = new BatchNorm2D(3);
    bn.bias.data.set([NaN, Infinity, -Infinity]);
    const json = JSON.stringify(bn);
    expect(json).to.include('["NaN","Infinity","-Infinity"]');
    expect(BatchNorm2D.fromJSON(JSON.parse(json)).bias?.array()).to.deep.equal([NaN, Infinity, -Infinity]);
  });

  it('refuse invalid JSON', () => {
    const good = new BatchNorm2D(2).toJSON();
    const read = (json: unknown) => () => BatchNorm2D.fromJSON(json);
    expectError(read(null), TypeError, 'BatchNorm2D.toJSON() for json', 'null');
    expectError(read('{}'), TypeError, 'for json', '"{}"');
    expectError(read({ type: 'Linear' }), TypeError, '"BatchNorm2D" for json.type', '"Linear"');
    expectError(read({ ...good, channels: 0 }), RangeError, 'for json.channels', '0');
    expectError(read({ ...good, channels: 3 }), RangeError, '3 numbers for json.scale', 'length 2');
    expectError(
      read({ ...good, channels: 2 ** 31 }),
      RangeError,
      '2147483648 numbers for json.scale',
      'length 2',
    );
    expectError(read({ ...good, batches: -1 }), RangeError, 'for json.batches', '-1');
    expectError(read({ ...good, epsilon: 'x' }), TypeError, 'for json.epsilon', '"x"');
    expectError(read({ ...good, momentum: 2 }), RangeError, 'for json.momentum', '2');
    expectError(read({ ...good, bias: [1, '2'] }), TypeError, 'json.bias[1]', '"2"');
    expectError(read({ ...good, scale: undefined }), TypeError, 'json.scale', 'undefined');
  });
});

describe('BatchNorm2D in util.inspect', () => {
  it('shows shape, settings and a summary of each tensor', () => {
    const bn = new BatchNorm2D(4, { momentum: 0.25 });
    bn.runningMean.data.set([-1, 0, 2, 5]);
    const text = inspect(bn);
    expect(text).to.include('BatchNorm2D(4)');
    expect(text).to.include('epsilon: 0.00001, momentum: 0.25, batches: 0');
    expect(text).to.include('scale [4]: 1\n');
    expect(text).to.include('runningMean [4]: -1 to 5, mean 1.5');
    expect(text).to.include('16 parameters: 8 trainable, 8 not trainable');
    expect(String(bn)).to.equal(text);
  });

  it('counts nonfinite values', () => {
    const bn = new BatchNorm2D(3);
    bn.runningVar.data.set([1, NaN, 3]);
    bn.bias.data.fill(Infinity);
    expect(inspect(bn)).to.include('runningVar [3]: 1 to 3, mean 2, 1 of 3 not finite');
    expect(inspect(bn)).to.include('bias [3]: 3 of 3 not finite');
  });

  it('prints a frozen layer with its own class name', () => {
    expect(inspect(FrozenBatchNorm2D.from(new BatchNorm2D(2)))).to.match(
      /^FrozenBatchNorm2D\(2\) \{\n {2}epsilon: 0\.00001, trainable: false\n/,
    );
  });
});
