import { BatchNorm2D, NpzReader, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { referencePath } from '../../../conformance/reference/read.js';

const archive = (name: string) => referencePath(`npz/${name}.npz`);

/** The bits of an array with one axis. */
async function read(zip: NpzReader, name: string, length: number): Promise<readonly number[]> {
  const tensor = Tensor.zeros([length]);
  await zip.tensor(`${name}.npy`, tensor);
  // Any of the bit patterns of NaN is right.
  return [...tensor.data].map((value) => (Number.isNaN(value) ? NaN : value));
}

const lengths: Readonly<Record<string, number>> = {
  ...{ bool: 3, float16: 12, float32: 12, float64: 12 },
  ...{ int8: 5, int16: 7, int32: 12, int64: 21, uint8: 2, uint16: 3, uint32: 4, uint64: 8 },
};

describe('load converts arrays that numpy saved', () => {
  for (const [type, length] of Object.entries(lengths)) {
    it(`as ${type} to the same float32 as numpy`, async () => {
      const zip = await NpzReader.open(archive('types'));
      const names = zip.names.map((name) => name.replace('.npy', ''));
      const own = names.filter((name) => name === type || name === `${type}_big_endian`);
      expect(own).to.have.length(/8$|bool/.test(type) ? 1 : 2);
      for (const name of own) {
        const expected = await read(zip, `${name}_as_float32`, length);
        expect(await read(zip, name, length), name).to.deep.equal(expected);
      }
      zip.close();
    });
  }

  it('for every type in the file', async () => {
    const zip = await NpzReader.open(archive('types'));
    const types = zip.names.filter((name) => !name.includes('_')).map((name) => name.slice(0, -4));
    zip.close();
    expect(types.sort()).to.deep.equal(Object.keys(lengths).sort());
  });

  it('as bfloat16, which ml_dtypes calls <V2', async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(archive('bfloat16'));
    expect(bn.scale.array()).to.deep.equal([1.5, -2.25, 0.125]);
    expect(bn.bias.array()).to.deep.equal([0.1, 1e-3, -7].map(Math.fround));
  });

  it('as float16 in a layer', async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(archive('half'));
    expect(bn.scale.array()).to.deep.equal([1.5, -2.25, 0.125]);
    // 0.1 and 1e-3, rounded to 11 bits.
    expect(bn.bias.array()).to.deep.equal([1638 / 2 ** 14, 1049 / 2 ** 20, -7]);
  });

  it('as integers in a layer, and the number of batches from an integer', async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(archive('integers'));
    expect(bn.bias.array()).to.deep.equal([0, 1, 2]);
    expect(bn.toJSON().batches).to.equal(7);
  });
});
