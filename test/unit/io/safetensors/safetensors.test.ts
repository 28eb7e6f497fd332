import { readFileSync, writeFileSync } from 'node:fs';
import {
  BatchNorm2D,
  FileFormatError,
  Flatten2D,
  FrozenBatchNorm2D,
  Linear,
  loadSafetensors,
  ReLU,
  saveSafetensors,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { referencePath } from '../../../conformance/reference/read.js';
import { expectRejection, type Untyped } from '../../../support/errors.js';
import { expectNear } from '../../../support/expect-near.js';
import { seeded, values } from '../../../support/random.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { encode, type Header, headerOf } from './encode.js';

const file = (name: string) => referencePath(`safetensors/${name}`);
const makeNetwork = () => new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(12, 5));

describe('loadSafetensors', () => {
  it("loads PyTorch's weights, which give PyTorch's results", async () => {
    const { x, y } = JSON.parse(readFileSync(file('network.json'), 'utf8')) as Record<'x' | 'y', number[]>;
    const net = makeNetwork();
    await loadSafetensors(file('network.safetensors'), net);
    expectNear(net.forward(Tensor.from(x, [2, 3, 2, 2])).data, y, 3e-6);
  });

  it("takes PyTorch's count of batches", async () => {
    const net = makeNetwork();
    await loadSafetensors(file('network.safetensors'), net);
    expect(net.layers[0].toJSON().batches).to.equal(7);
  });

  const tolerances = { float64: 0, float16: 2e-3, bfloat16: 1e-2 };
  for (const [type, tolerance] of Object.entries(tolerances)) {
    it(`converts ${type}`, async () => {
      const whole = new Sequential(new BatchNorm2D(3));
      await loadSafetensors(file('network.safetensors'), whole, { extra: 'ignore' });
      const bn = new BatchNorm2D(3);
      await loadSafetensors(file(`${type}.safetensors`), bn);
      for (const [i, [name, tensor]] of bn.parameters().entries()) {
        const expected = whole.parameters()[i][1].clone().data;
        const largest = Math.max(...expected.map(Math.abs));
        expectNear(tensor.data, expected, tolerance * largest, name);
      }
    });
  }

  it('refuses tensors that the module does not have, except batch counters', async () => {
    const part = new Sequential(new BatchNorm2D(3));
    const before = JSON.stringify(part.layers[0]);
    const path = file('network.safetensors');
    await expectRejection(
      loadSafetensors(path, part),
      FileFormatError,
      path,
      'no tensors besides',
      '"3.weight" and 1 more',
    );
    expect(JSON.stringify(part.layers[0])).to.equal(before);
    const frozen = new Sequential(FrozenBatchNorm2D.from(part.layers[0]));
    await saveSafetensors(temporary('counted.safetensors'), part);
    await loadSafetensors(temporary('counted.safetensors'), frozen);
  });

  it('reads subnormal and nonfinite float16 values', async () => {
    const bits = Buffer.from(Uint16Array.of(0x0001, 0x83ff, 0x7c00, 0xfc00, 0x7e00, 0x8000).buffer);
    const path = temporary('halves.safetensors');
    writeFileSync(path, encode({ w: { dtype: 'F16', shape: [6], data_offsets: [0, 12] } }, bits));
    const w = Tensor.zeros([6]);
    await loadSafetensors(path, { parameters: () => [['w', w]] });
    expect(w.array()).to.deep.equal([2 ** -24, -1023 * 2 ** -24, Infinity, -Infinity, NaN, -0]);
  });

  const temporary = temporaryDirectory();

  describe('refuses and changes nothing:', () => {
    const untouched = JSON.stringify(new BatchNorm2D(3));
    const good = { dtype: 'F32', shape: [3], data_offsets: [0, 12] };

    async function expectRefused(bytes: Buffer, ...parts: string[]): Promise<void> {
      const path = temporary('broken.safetensors');
      writeFileSync(path, bytes);
      const bn = new BatchNorm2D(3);
      await expectRejection(loadSafetensors(path, bn), FileFormatError, path, ...parts);
      expect(JSON.stringify(bn)).to.equal(untouched);
    }

    it('a file in another format', async () => {
      await expectRefused(Buffer.alloc(0), 'a safetensors file', 'an empty file');
      await expectRefused(Buffer.alloc(7), 'a safetensors file', 'the bytes 00000000000000');
      await expectRefused(Buffer.alloc(100, 0xff), 'a safetensors file', 'ffffffffffffffff');
      const long8 = encode('{}');
      long8.fill(0xff, 0, 8);
      await expectRefused(long8, 'a header of at most 2 bytes', '18446744073709552000');
      await expectRefused(encode('{"a":'), 'a JSON header', 'damage');
      // Parsing it would take twenty times its size in memory.
      const long = `{"a":[${'[],'.repeat(1_500_000)}[]]}`;
      await expectRefused(encode(long), 'a header of at most 4194304 bytes', String(long.length));
      await expectRefused(encode('[]'), 'a safetensors file', 'the bytes 02000000');
      await expectRefused(encode(' {}'), 'a safetensors file', 'the bytes 03000000');
      const bn = new BatchNorm2D(3);
      await expectRejection(loadSafetensors(temporary(), bn), Error);
      await expectRejection(loadSafetensors(temporary('nowhere'), bn), Error, 'ENOENT');
    });

    it('malformed entries', async () => {
      const refused = (weight: unknown, ...parts: string[]) =>
        expectRefused(encode({ weight } as Header, Buffer.alloc(12)), '"weight"', ...parts);
      await refused(null, 'a dtype', 'none');
      await refused({ ...good, dtype: 1 }, 'a dtype', '1');
      await refused({ ...good, shape: [-3] }, 'non-negative integers', '[-3]');
      await refused({ ...good, shape: 3 }, 'non-negative integers', '3');
      await refused({ ...good, shape: [2 ** 60, 2 ** 60] }, 'non-negative integers');
      await refused({ ...good, data_offsets: [0] }, 'two data_offsets', '[0]');
      await refused({ ...good, data_offsets: [12, 0] }, '12 bytes', '-12');
      await refused({ ...good, shape: [2] }, '8 bytes', '12');
      await refused({ ...good, data_offsets: [4, 16] }, 'from byte 0 on', '4 to 16');
    });

    it('values with gaps or overlaps, missing or left over', async () => {
      const two = (begin: number) => ({ weight: good, bias: { ...good, data_offsets: [begin, begin + 12] } });
      await expectRefused(encode(two(8), Buffer.alloc(20)), '"bias"', 'from byte 12 on', '8 to 20');
      await expectRefused(encode(two(16), Buffer.alloc(28)), '"bias"', 'from byte 12 on');
      await expectRefused(encode(two(12), Buffer.alloc(20)), '24 bytes of values', '20');
      await expectRefused(encode(two(12), Buffer.alloc(28)), '24 bytes of values', '28');
    });

    it('a tensor with a wrong name, shape or type', async () => {
      const refused = (header: Header, size: number, ...parts: string[]) =>
        expectRefused(encode(header, Buffer.alloc(size)), '"weight"', ...parts);
      await refused({ scale: good }, 12, 'a tensor of this name', 'none');
      const of4 = { ...good, shape: [4], data_offsets: [0, 16] };
      await refused({ weight: of4 }, 16, 'shape [3]', 'found [4]');
      const eights = { ...good, dtype: 'F8_E4M3', shape: [3], data_offsets: [0, 3] };
      await refused({ weight: eights }, 3, 'floats, integers or booleans', 'type F8_E4M3');
      await refused({ weight: { ...good, dtype: 'X7' } }, 12, 'floats, integers or booleans', 'X7');
      await refused({ weight: { ...good, dtype: 'toString' } }, 12, 'or booleans', 'toString');
    });

    it('an invalid batch count', async () => {
      const bytes = readFileSync(file('network.safetensors'));
      const { data_offsets } = headerOf(file('network.safetensors'))['0.num_batches_tracked'];
      const [begin] = data_offsets as number[];
      const at = 8 + Number(bytes.readBigUInt64LE()) + begin;
      bytes.writeBigInt64LE(-1n, at);
      const path = temporary('count.safetensors');
      writeFileSync(path, bytes);
      const net = makeNetwork();
      const before = JSON.stringify(net.layers[0]);
      await expectRejection(loadSafetensors(path, net), FileFormatError, 'a number of batches', '-1');
      expect(JSON.stringify(net.layers[0])).to.equal(before);
    });

    it('a path or module of the wrong type', async () => {
      const load = loadSafetensors as Untyped;
      await expectRejection(load(1, makeNetwork()) as Promise<void>, TypeError, 'a path');
      await expectRejection(load('x', {}) as Promise<void>, TypeError, 'parameters() for module');
    });
  });
});

describe('saveSafetensors', () => {
  const temporary = temporaryDirectory();

  it("is read back by loadSafetensors, with PyTorch's names", async () => {
    const net = makeNetwork();
    net.parameters().forEach(([, tensor], i) => {
      tensor.data.set(values(seeded(i), tensor.data.length));
    });
    const path = temporary('net.safetensors');
    await saveSafetensors(path, net);
    const names = Object.keys(headerOf(path));
    expect(names.sort()).to.deep.equal(Object.keys(headerOf(file('network.safetensors'))).sort());
    const copy = makeNetwork();
    await loadSafetensors(path, copy);
    copy.parameters().forEach(([name, tensor], i) => {
      expect(tensor.data, name).to.deep.equal(net.parameters()[i][1].data);
    });
  });

  it('aligns the values to eight bytes', async () => {
    const path = temporary('aligned.safetensors');
    await saveSafetensors(path, new Linear(3, 1));
    expect(Number(readFileSync(path).readBigUInt64LE()) % 8).to.equal(0);
  });

  it('refuses invalid paths and modules', async () => {
    const save = saveSafetensors as Untyped;
    const path = temporary('x.safetensors');
    await expectRejection(save('', makeNetwork()) as Promise<void>, RangeError, 'a path');
    await expectRejection(save(path, {}) as Promise<void>, TypeError, 'parameters() for module');
    const w = Tensor.zeros([1]);
    const twice = { parameters: () => [['w', w] as const, ['w', w] as const] };
    await expectRejection(saveSafetensors(path, twice), RangeError, 'different names', 'w');
  });
});
