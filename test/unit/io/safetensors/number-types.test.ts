import { readFileSync, writeFileSync } from 'node:fs';
import {
  BatchNorm2D,
  FileFormatError,
  Flatten2D,
  Linear,
  loadSafetensors,
  type NamedTensor,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { referencePath } from '../../../conformance/reference/read.js';
import { expectRejection } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { encode, headerOf } from './encode.js';

const file = (name: string) => referencePath(`safetensors/${name}`);
const withoutPayload = (values: Iterable<number>) => Array.from(values, (v) => (Number.isNaN(v) ? NaN : v));

describe('loadSafetensors converts', () => {
  const temporary = temporaryDirectory();
  const header = headerOf(file('types.safetensors'));
  const types = Object.keys(header).filter((name) => !name.includes('_'));

  it('tensors of every number type', async () => {
    expect(types.sort()).to.deep.equal([
      'BF16',
      'BOOL',
      'F16',
      'F64',
      'I16',
      'I32',
      'I64',
      'I8',
      'U16',
      'U32',
      'U64',
      'U8',
    ]);
    const tensors = Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, { shape }]): NamedTensor => [name, Tensor.zeros(shape as [number])]);
    await loadSafetensors(file('types.safetensors'), { parameters: () => tensors });
    const found = new Map(tensors.map(([name, { data }]) => [name, withoutPayload(data)]));
    for (const type of types) {
      expect(found.get(type), type).to.deep.equal(found.get(`${type}_as_float32`));
    }
  });

  it('a PyTorch network whose tensors, including its counter, are all float16', async () => {
    const net = new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(12, 5));
    await loadSafetensors(file('half.safetensors'), net);
    const whole = new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(12, 5));
    await loadSafetensors(file('network.safetensors'), whole);
    expect(net.layers[0].toJSON().batches).to.equal(7);
    for (const [i, [name, { data }]] of net.parameters().entries()) {
      const expected = whole.parameters()[i][1].data;
      for (const [j, value] of data.entries()) {
        // Half a unit in the last place of 11 bits.
        expect(value, name).to.be.closeTo(expected[j], Math.abs(expected[j]) * 2 ** -11);
      }
    }
  });

  describe('the number of batches', () => {
    const bytesOf: Readonly<Record<string, (value: number) => Buffer>> = {
      F64: (value) => Buffer.from(Float64Array.of(value).buffer),
      F32: (value) => Buffer.from(Float32Array.of(value).buffer),
      I64: (value) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer),
      U64: (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer),
      I32: (value) => Buffer.from(Int32Array.of(value).buffer),
      I16: (value) => Buffer.from(Int16Array.of(value).buffer),
      U8: (value) => Buffer.from(Uint8Array.of(value).buffer),
    };

    /** A layer's file whose counter has this type, value and shape. */
    async function load(dtype: string, value: number, shape: readonly number[] = []) {
      const layer = headerOf(file('float64.safetensors'));
      const data = readFileSync(file('float64.safetensors')).subarray(-96);
      const bytes = bytesOf[dtype](value);
      const counter = { dtype, shape, data_offsets: [96, 96 + bytes.length] };
      const path = temporary('counted.safetensors');
      writeFileSync(path, encode({ ...layer, num_batches_tracked: counter }, Buffer.concat([data, bytes])));
      const bn = new BatchNorm2D(3);
      const before = JSON.stringify(bn);
      await loadSafetensors(path, bn).catch((error: unknown) => {
        expect(JSON.stringify(bn)).to.equal(before);
        throw error;
      });
      return bn.toJSON().batches;
    }

    for (const dtype of Object.keys(bytesOf)) {
      it(`of type ${dtype}`, async () => {
        expect(await load(dtype, 100)).to.equal(100);
        expect(await load(dtype, 100, [1])).to.equal(100);
      });
    }

    it('unless it is not a non-negative integer', async () => {
      const refused = (dtype: string, value: number, found: string) =>
        expectRejection(
          load(dtype, value),
          FileFormatError,
          '"num_batches_tracked"',
          'a number of batches',
          found,
        );
      await refused('F32', 0.5, 'found 0.5');
      await refused('F64', -1, 'found -1');
      await refused('F32', NaN, 'found NaN');
      await refused('F64', Infinity, 'found Infinity');
      await refused('I64', 2 ** 53, 'found 9007199254740992');
      await refused('I16', -3, 'found -3');
      await expectRejection(load('U8', 1, [0]), FileFormatError, '"num_batches_tracked"');
    });
  });
});
