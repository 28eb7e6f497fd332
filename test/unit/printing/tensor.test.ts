import { formatWithOptions, inspect } from 'node:util';
import { backward, BatchNorm2D, Sgd, storagePool, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

describe('a tensor in util.inspect', () => {
  const matrix = Tensor.from([1, 2, 3, 4.5, -0.25, 6], [2, 3]);
  const text = 'Tensor<[2, 3]>\n[[ 1.  ,  2.  ,  3.  ],\n [ 4.5 , -0.25,  6.  ]]';

  it('shows type, shape and values', () => {
    expect(String(matrix)).to.equal(text);
    expect(`${String(Tensor.from([1, 2.5], [2]))}!`).to.equal('Tensor<[2]> [1. , 2.5]!');
    expect(inspect(matrix)).to.equal(text);
    expect(formatWithOptions({}, 'x = %o; %s', Tensor.ones([2]), Tensor.from([3], []))).to.equal(
      'x = Tensor<[2]> [1., 1.]; Tensor<[]> 3.',
    );
    expect(String(Tensor.zeros([2, 0, 3]))).to.equal('Tensor<[2, 0, 3]> []');
  });

  it('shows its tape', () => {
    expect(String(Tensor.ones([2]).trace())).to.equal('Tensor<[2], OwnedTape> [1., 1.]');
  });

  it('is indented inside other objects', () => {
    expect(inspect({ weight: matrix, bias: Tensor.zeros([1]) })).to.equal(
      '{\n' +
        '  weight: Tensor<[2, 3]>\n  [[ 1.  ,  2.  ,  3.  ],\n   [ 4.5 , -0.25,  6.  ]],\n' +
        '  bias: Tensor<[1]> [0.]\n}',
    );
  });

  it("follows util.inspect's options", () => {
    expect(inspect({ a: { b: matrix } }, { depth: 0 })).to.equal('{ a: [Object] }');
    expect(inspect({ a: matrix }, { depth: 0 })).to.equal('{ a: [Tensor<[2, 3]>] }');
    expect(inspect({ a: matrix }, { depth: 1 })).to.include('-0.25');
    expect(inspect(matrix, { depth: -1 })).to.equal('[Tensor<[2, 3]>]');
    expect(inspect(matrix, { depth: null })).to.equal(text);
    expect(inspect(matrix, { colors: true, showHidden: true })).to.equal(text);
    expect(inspect(matrix, { breakLength: Infinity })).to.equal(
      'Tensor<[2, 3]> [[ 1.  ,  2.  ,  3.  ], [ 4.5 , -0.25,  6.  ]]',
    );
    expect(inspect(Tensor.ones([2]), { compact: false })).to.equal('Tensor<[2]>\n[1., 1.]');
    const lines = inspect(Tensor.zeros([30]), { breakLength: 20 }).split('\n');
    expect(lines.length).to.be.greaterThan(6);
    for (const line of lines) expect(line.length).to.be.at.most(20);
  });

  it('says why it has no values', () => {
    const x = Tensor.ones([2, 2]);
    const y = x.trace().square();
    const grads = backward(y.mean());
    const gradient = grads.get(x);
    expect(inspect(y)).to.equal('Tensor<[2, 2], OwnedTape> (consumed by backward())');
    expect(inspect(gradient)).to.include('0.5');

    const bn = new BatchNorm2D(1);
    const found = backward(bn.forwardMut(Tensor.ones([2, 1, 1, 1]).trace()).mean());
    const scale = found.get(bn.scale);
    new Sgd().update(bn, found);
    expect(inspect(scale)).to.equal('Tensor<[1]> (consumed by update())');

    x.dispose();
    expect(String(x)).to.equal('Tensor<[2, 2]> (disposed)');
    expect(() => JSON.stringify(x)).to.throw(TypeError, 'disposed');

    const values = new Float32Array(4);
    const adopted = Tensor.adopt(values, [2, 2]);
    structuredClone(values.buffer, { transfer: [values.buffer] });
    expect(inspect(adopted)).to.equal('Tensor<[2, 2]> (its buffer was transferred)');
  });

  it('still releases its memory to the next tensor', () => {
    const x = Tensor.ones([3, 41]);
    inspect(x);
    String(x);
    JSON.stringify(x);
    const before = storagePool.bytes;
    x.dispose();
    expect(storagePool.bytes - before).to.equal(4 * 3 * 41);
  });

  it('is read only at the elements that are shown', () => {
    const x = Tensor.zeros([512, 512, 100]);
    const before = process.memoryUsage();
    const start = performance.now();
    const shown = inspect(x);
    expect(performance.now() - start).to.be.lessThan(1000);
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    expect(arrayBuffers - before.arrayBuffers).to.be.lessThan(1e6);
    expect(heapUsed - before.heapUsed).to.be.lessThan(20e6);
    expect(shown.length).to.be.lessThan(5000);
    expect(shown).to.match(/^Tensor<\[512, 512, 100\]>\n\[\[\[0\., 0\., 0\., \.\.\., 0\., 0\., 0\.\],\n/);
  });
});

describe('a tensor as JSON', () => {
  it('is restored exactly', () => {
    const values = [0.1, -0, NaN, Infinity, -Infinity, 1e-45, 3.4028234663852886e38, 1 / 3];
    const x = Tensor.from(values, [2, 1, 4]);
    const json = JSON.stringify(x);
    const copy = Tensor.fromJSON(JSON.parse(json));
    expect(copy.shape).to.deep.equal([2, 1, 4]);
    expect(new Uint32Array(copy.data.buffer)).to.deep.equal(
      new Uint32Array(Float32Array.from(values).buffer),
    );
    expect(JSON.parse(JSON.stringify(Tensor.from([2], []).trace()))).to.deep.equal({
      ...{ type: 'Tensor', shape: [], data: [2] },
    });
  });

  it('is complete even if printing abbreviates it', () => {
    const x = Tensor.from(Float32Array.from({ length: 5000 }, Math.sin), [50, 100]);
    const copy = Tensor.fromJSON((JSON.parse(JSON.stringify({ x })) as { x: unknown }).x);
    expect(copy.data).to.deep.equal(x.data);
  });

  it('is refused if it is invalid', () => {
    const good = Tensor.ones([2]).toJSON();
    const read = (json: unknown) => () => Tensor.fromJSON(json);
    expectError(read(undefined), TypeError, 'Tensor.toJSON() for json', 'undefined');
    expectError(read({ ...good, type: 'Linear' }), TypeError, '"Tensor" for json.type', '"Linear"');
    expectError(read({ ...good, shape: 2 }), TypeError, 'for json.shape', '2');
    expectError(read({ ...good, shape: [3] }), RangeError, '3 numbers for json.data', 'length 2');
    expectError(read({ ...good, shape: [2 ** 31] }), RangeError, 'for json.data', 'length 2');
    expectError(read({ ...good, data: [1, 'x'] }), TypeError, 'json.data[1]', '"x"');
    expectError(read({ ...good, data: [1, 1e39] }), RangeError, 'float32 for json.data[1]', '1e+39');
  });
});
