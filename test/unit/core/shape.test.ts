import { writeFileSync } from 'node:fs';
import { DataLoader, loadSafetensors, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { encode } from '../io/safetensors/encode.js';

/** Sizes whose product is infinite before the zero at the end. */
const infinite = [...new Array<number>(40).fill(2 ** 52), 0];

describe('a shape with a zero and a product that is NaN', () => {
  const path = temporaryDirectory();

  it('is refused by name', () => {
    for (const shape of [infinite, [...infinite].reverse(), [2 ** 30, 0, 2 ** 30]]) {
      for (const act of [
        () => Tensor.zeros(shape),
        () => Tensor.from([], shape),
        () => Tensor.fromJSON({ type: 'Tensor', shape, data: [] }),
      ]) {
        expectError(act, RangeError, 'sizes whose product, apart from zeros, is below 2^53', 'shape');
      }
    }
  });

  it('has no values in a file', async () => {
    const file = path('empty.safetensors');
    writeFileSync(
      file,
      encode({ x: { dtype: 'F32', shape: infinite, data_offsets: [0, 4] } }, Buffer.alloc(4)),
    );
    const module = { parameters: () => [['x', Tensor.zeros([0])] as const] };
    await expectRejection(loadSafetensors(file, module), Error, '0 bytes of values', 'but found 4');
  });

  it('is allowed if the sizes stay exact', () => {
    expect(Tensor.zeros([2 ** 40, 0]).shape).to.deep.equal([2 ** 40, 0]);
    expect(Tensor.zeros([2 ** 26, 0, 2 ** 26]).exp().shape).to.deep.equal([2 ** 26, 0, 2 ** 26]);
  });
});

describe('an array of the wrong length', () => {
  /** An array that counts how often an element is asked for. */
  function counting(length: number): { readonly array: number[]; readonly asked: () => number } {
    let count = 0;
    const array = new Proxy(new Array<number>(length).fill(1), {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) count++;
        return Reflect.get(target, key, receiver) as unknown;
      },
      has(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) count++;
        return Reflect.has(target, key);
      },
    });
    return { array, asked: () => count };
  }

  const uses: Readonly<Record<string, (array: number[]) => unknown>> = {
    'Tensor.from': (array) => Tensor.from(array, [2]),
    'the labels of a DataLoader': (labels) =>
      new DataLoader({ features: new Float32Array(2), shape: [1], labels }, { batchSize: 1 }),
    'the targets of a DataLoader': (labels) =>
      new DataLoader({ features: new Float32Array(2), shape: [1], labels, labelShape: [] }, { batchSize: 1 }),
  };
  for (const [name, use] of Object.entries(uses)) {
    it(`is refused by ${name} before its elements are read`, () => {
      const { array, asked } = counting(1000);
      expectError(() => use(array), RangeError, 'Expected 2 ', '1000');
      expect(asked()).to.be.at.most(1);
    });
  }

  it('is refused if it is nested, naming the array', () => {
    expectError(
      () => Tensor.from([[1], [2], [3]], [2, 1]),
      RangeError,
      'an array of length 2 for values',
      '3',
    );
    expectError(() => Tensor.from([1, 2, 3], [2, 1]), RangeError, '2 values (shape [2, 1])', '3 values');
  });
});
