import { writeFileSync } from 'node:fs';
import {
  backward,
  batchSamples,
  type ClassArray,
  crossEntropyWithLogitsLoss,
  DataLoader,
  type IdxValues,
  type NumberArray,
  readIdx,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** An array of each type with the ends of its range, and the same values in float32. */
const arrays: readonly (readonly [NumberArray, readonly number[]])[] = [
  [Int8Array.of(-128, -1, 0, 127), [-128, -1, 0, 127]],
  [Uint8Array.of(0, 1, 128, 255), [0, 1, 128, 255]],
  [Uint8ClampedArray.of(0, 1, 128, 255), [0, 1, 128, 255]],
  [Int16Array.of(-32768, -1, 5, 32767), [-32768, -1, 5, 32767]],
  [Uint16Array.of(0, 1, 40000, 65535), [0, 1, 40000, 65535]],
  // 2^24 + 1 is a tie, which rounds to the even neighbor.
  [Int32Array.of(-(2 ** 31), 7, 2 ** 24 + 1, 2 ** 31 - 1), [-(2 ** 31), 7, 2 ** 24, 2 ** 31]],
  [Uint32Array.of(0, 2 ** 24 + 3, 3e9, 2 ** 32 - 1), [0, 2 ** 24 + 4, 3e9, 2 ** 32]],
  [Float32Array.of(-0, 0.5, NaN, Infinity), [-0, 0.5, NaN, Infinity]],
  [Float64Array.of(0.1, -1 / 3, 1e300, 1e-300), [Math.fround(0.1), Math.fround(-1 / 3), Infinity, 0]], // 1e300 is beyond float32
];
const nameOf = (array: object) => (array.constructor as { name: string }).name;

describe('data of every type', () => {
  const path = temporaryDirectory();

  for (const [features, expected] of arrays) {
    it(`features of a ${nameOf(features)} become float32`, async () => {
      const [batch] = new DataLoader({ features, shape: [2] }, { batchSize: 2 });
      expect([...batch.x.data]).to.deep.equal(expected);
      const samples = [0, 2].map((at) => ({ features: features.subarray(at, at + 2), label: 0 }));
      for await (const streamed of batchSamples(samples, { shape: [2], batchSize: 2 })) {
        expect([...streamed.x.data]).to.deep.equal(expected);
      }
    });

    it(`features of a ${nameOf(features)} are normalized in float64`, () => {
      const normalization = { scale: 0.5, mean: [1, -3], deviation: [3, 7] };
      const [batch] = new DataLoader({ features, shape: [2], ...normalization }, { batchSize: 2 });
      const { mean, deviation } = normalization;
      const results = Array.from(features, (v, i) => Math.fround((0.5 * v - mean[i % 2]) / deviation[i % 2]));
      expect([...batch.x.data]).to.deep.equal(results);
    });

    it(`regression targets in a ${nameOf(features)} become float32`, () => {
      const [batch] = new DataLoader(
        { features: new Float32Array(2), shape: [], labels: features, labelShape: [2] },
        { batchSize: 2 },
      );
      expect([...batch.labels.data]).to.deep.equal(expected);
    });
  }

  it('regression targets may be a plain array', () => {
    const [batch] = new DataLoader(
      { features: new Float32Array(2), shape: [], labels: [0.1, -5], labelShape: [] },
      { batchSize: 2 },
    );
    expect(batch.labels.array()).to.deep.equal([Math.fround(0.1), -5]);
  });

  const classes: readonly (ClassArray & object)[] = [
    ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Uint32Array].map((Type) =>
      Type.of(2, 0, 1, 2),
    ),
    ...[Float32Array, Float64Array].map((Type) => Type.of(2, 0, 1, 2)),
    ...[BigInt64Array, BigUint64Array].map((Type) => Type.of(2n, 0n, 1n, 2n)),
    [2, 0, 1, 2],
    Int32Array.of(2, 0, 1, 2),
  ];
  for (const labels of classes) {
    it(`classes in a ${nameOf(labels)} become an Int32Array with the right loss`, () => {
      const loader = new DataLoader({ features: new Float32Array(4), shape: [], labels }, { batchSize: 3 });
      const batches = [...loader].map((batch) => batch.labels);
      expect(batches).to.deep.equal([Int32Array.of(2, 0, 1), Int32Array.of(2)]);
      // Cross entropy of equal logits is log(3), with the gradient (1/3 - target) / 4.
      const logits = Tensor.zeros([4, 3]);
      const loss = crossEntropyWithLogitsLoss(logits.trace(), labels);
      expect(loss.item()).to.be.closeTo(Math.log(3), 1e-6);
      const gradient = backward(loss).get(logits);
      const target = [2, 0, 1, 2].flatMap((own) => [0, 1, 2].map((c) => (1 / 3 - (c === own ? 1 : 0)) / 4));
      gradient?.data.forEach((value, i) => {
        expect(value).to.be.closeTo(target[i], 1e-7);
      });
      expect(gradient?.shape).to.deep.equal([4, 3]);
    });
  }

  it('classes in a Uint8Array stay bytes', () => {
    const labels = Uint8Array.of(2, 0);
    const [batch] = new DataLoader({ features: new Float32Array(2), shape: [], labels }, { batchSize: 2 });
    expect(batch.labels).to.deep.equal(labels).and.to.be.instanceOf(Uint8Array);
  });

  it('streams accept 64-bit classes and regression targets of every type', async () => {
    const features = new Int16Array(1);
    for await (const batch of batchSamples([{ features, label: 5n }], {
      shape: [],
      batchSize: 1,
    })) {
      expect(batch.labels).to.deep.equal(Int32Array.of(5));
    }
    const samples = arrays.map(([label]) => ({ features, label }));
    const options = { shape: [], batchSize: arrays.length, labelShape: [4] } as const;
    for await (const batch of batchSamples(samples, options)) {
      expect([...batch.labels.data]).to.deep.equal(arrays.flatMap(([, expected]) => expected));
    }
  });

  it('invalid classes are refused by name', async () => {
    const loss = (targets: unknown) => () =>
      (crossEntropyWithLogitsLoss as Untyped)(Tensor.zeros([2, 3]), targets);
    expectError(loss(BigInt64Array.of(0n, 3n)), RangeError, 'below 3 for targets[1]', '3');
    expectError(loss(BigInt64Array.of(0n, -1n)), RangeError, 'for targets[1]', '-1');
    expectError(loss(Float64Array.of(0.5, 0)), RangeError, 'for targets[0]', '0.5');
    expectError(loss([0, null]), TypeError, 'for targets[1]', 'null');
    expectError(loss(new DataView(new ArrayBuffer(2))), TypeError, 'for targets', 'DataView');
    const stream = (sample: unknown) => async () => {
      const options = { shape: [], batchSize: 1 } as const;
      for await (const batch of batchSamples([sample as never], options)) batch.dispose();
    };
    const features = new Float32Array(1);
    await expectRejection(stream({ features, label: 2n ** 31n })(), RangeError, 'samples[0].label');
    await expectRejection(stream({ features, label: '1' })(), TypeError, 'samples[0].label');
    await expectRejection(
      stream({ features: new BigInt64Array(1), label: 1 })(),
      TypeError,
      'samples[0].features',
    );
  });

  const bytesOf: Readonly<Record<keyof IdxValues, (view: DataView) => void>> = {
    uint8: (view) => view.setUint8(0, 200),
    int8: (view) => view.setInt8(0, -100),
    int16: (view) => view.setInt16(0, -30_000),
    int32: (view) => view.setInt32(0, 1_000_000),
    float32: (view) => view.setFloat32(0, 0.75),
    float64: (view) => view.setFloat64(0, -0.1),
  };
  const codes = {
    uint8: [8, 1],
    int8: [9, 1],
    int16: [11, 2],
    int32: [12, 4],
    float32: [13, 4],
    float64: [14, 8],
  };
  const values = {
    uint8: 200,
    int8: -100,
    int16: -30_000,
    int32: 1_000_000,
    float32: 0.75,
    float64: Math.fround(-0.1),
  };
  for (const type of Object.keys(codes) as (keyof IdxValues)[]) {
    it(`${type} arrays of readIdx are accepted unchanged`, async () => {
      const [code, size] = codes[type];
      const bytes = Buffer.alloc(8 + size);
      bytes.set([0, 0, code, 1, 0, 0, 0, 1]);
      bytesOf[type](new DataView(bytes.buffer, bytes.byteOffset + 8));
      writeFileSync(path('one.idx'), bytes);
      const array = await readIdx(path('one.idx'), { type });
      const [batch] = new DataLoader({ features: array.values, shape: [] }, { batchSize: 1 });
      expect(batch.x.array()).to.deep.equal([values[type]]);
    });
  }
});
