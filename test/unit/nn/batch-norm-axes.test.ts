import {
  backward,
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  FrozenBatchNorm1D,
  FrozenBatchNorm3D,
  moduleFromJSON,
  recalibrate,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const random = (seed: number, shape: readonly number[]) => {
  const count = shape.reduce((product, size) => product * size, 1);
  return Tensor.from(values(seeded(seed), count, 2, 3), shape);
};

/** Mean and biased variance of numbers, in double precision. */
function moments(numbers: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  return { mean, variance };
}

/** The values normalized by the statistics of each channel; `channelOf` gives the channel of an index. */
function normalized(x: readonly number[], channels: number, channelOf: (index: number) => number): number[] {
  const statistics = Array.from({ length: channels }, (_, c) =>
    moments(x.filter((_value, i) => channelOf(i) === c)),
  );
  return x.map((value, i) => {
    const { mean, variance } = statistics[channelOf(i)];
    return (value - mean) / Math.sqrt(variance + 1e-5);
  });
}

describe('BatchNorm1D', () => {
  it('normalizes the columns of a table', () => {
    const x = random(1, [7, 3]);
    const y = new BatchNorm1D(3).forwardMut(x.trace());
    expect(y.shape).to.deep.equal([7, 3]);
    expectNear(
      y.data,
      normalized([...x.data], 3, (i) => i % 3),
      2e-6,
    );
  });

  it('normalizes the channels of signals', () => {
    const x = random(2, [4, 3, 5]);
    const y = new BatchNorm1D(3).forwardMut(x.trace());
    expectNear(
      y.data,
      normalized([...x.data], 3, (i) => Math.floor(i / 5) % 3),
      2e-6,
    );
  });

  it('takes a tensor of two axes for one signal if only its first axis has the size of the channels', () => {
    const x = random(3, [3, 8]);
    const y = new BatchNorm1D(3).forwardMut(x.trace());
    expectNear(
      y.data,
      normalized([...x.data], 3, (i) => Math.floor(i / 8)),
      2e-6,
    );
  });

  it('takes a square tensor for a table', () => {
    const x = random(4, [3, 3]);
    const y = new BatchNorm1D(3).forwardMut(x.trace());
    expectNear(
      y.data,
      normalized([...x.data], 3, (i) => i % 3),
      2e-6,
    );
  });

  it('is bit-identical to BatchNorm2D on the same values', () => {
    const x = random(5, [4, 3, 5]);
    const signals = new BatchNorm1D(3);
    const images = new BatchNorm2D(3);
    const y = signals.forwardMut(x.trace());
    expect(y.data).to.deep.equal(images.forwardMut(x.reshape([4, 3, 1, 5]).trace()).data);
    expect(signals.runningVar.data).to.deep.equal(images.runningVar.data);
  });

  it('has gradients that match finite differences', () => {
    const weights = random(6, [5, 2]);
    checkGradients(
      ([a]) =>
        new BatchNorm1D(2)
          .forwardMut(a.reshape([5, 2]))
          .mul(weights)
          .square()
          .sum(),
      [random(7, [5, 2])],
      2e-2,
    );
  });

  it('refuses other shapes, leaving the statistics unchanged', () => {
    const bn = new BatchNorm1D(3);
    const forwardMut = (shape: readonly number[]) => () =>
      (bn.forwardMut as Untyped).call(bn, Tensor.zeros(shape).trace());
    expectError(forwardMut([4, 5]), RangeError, '3 channels', '[4, 5]');
    expectError(forwardMut([4, 5, 3]), RangeError, '3 channels', '5 (shape [4, 5, 3])');
    expectError(forwardMut([3]), RangeError, 'a 2D tensor [N, C] or [C, L], or a 3D tensor', '[3]');
    expectError(forwardMut([1, 3, 2, 2]), RangeError, 'a 3D tensor [N, C, L]');
    expectError(forwardMut([1, 3]), RangeError, 'at least two values per channel');
    expect(bn.runningMean.array()).to.deep.equal([0, 0, 0]);
    expect(bn.toJSON().batches).to.equal(0);
  });
});

describe('BatchNorm3D', () => {
  it('normalizes the channels of volumes', () => {
    const x = random(8, [2, 3, 2, 3, 4]);
    const y = new BatchNorm3D(3).forwardMut(x.trace());
    expectNear(
      y.data,
      normalized([...x.data], 3, (i) => Math.floor(i / 24) % 3),
      2e-6,
    );
  });

  it('treats one volume as a batch of one', () => {
    const x = random(9, [3, 2, 3, 4]);
    const [one, batch] = [new BatchNorm3D(3), new BatchNorm3D(3)];
    const y = one.forwardMut(x.trace());
    expect(y.shape).to.deep.equal([3, 2, 3, 4]);
    expect(y.data).to.deep.equal(batch.forwardMut(x.reshape([1, 3, 2, 3, 4]).trace()).data);
    expect(one.forward(x).data).to.deep.equal(batch.forward(x.reshape([1, 3, 2, 3, 4])).data);
  });

  it('has gradients that match finite differences', () => {
    const weights = random(10, [2, 2, 1, 2, 2]);
    checkGradients(
      ([a]) =>
        new BatchNorm3D(2)
          .forwardMut(a.reshape([2, 2, 1, 2, 2]))
          .mul(weights)
          .square()
          .sum(),
      [random(11, [2, 2, 1, 2, 2])],
      2e-2,
    );
  });

  it('refuses images and other numbers of channels', () => {
    const bn = new BatchNorm3D(3);
    const forward = (shape: readonly number[]) => () => (bn.forward as Untyped).call(bn, Tensor.zeros(shape));
    expectError(forward([3, 2, 2]), RangeError, 'a 4D tensor [C, D, H, W] or a 5D tensor [N, C, D, H, W]');
    expectError(forward([2, 4, 2, 2, 2]), RangeError, '3 channels', '4 (shape [2, 4, 2, 2, 2])');
  });
});

for (const [Layer, Frozen, shape] of [
  [BatchNorm1D, FrozenBatchNorm1D, [6, 2, 4]],
  [BatchNorm3D, FrozenBatchNorm3D, [3, 2, 2, 2, 2]],
] as const) {
  type AnyFrozen = FrozenBatchNorm1D<2> | FrozenBatchNorm3D<2>;
  const freeze = (...args: unknown[]) => (Frozen.from as Untyped)(...args) as AnyFrozen;

  describe(`${Layer.name} as a module`, () => {
    const temporary = temporaryDirectory();
    const x = random(12, shape) as never;
    const make = () => new Layer<2>(2, { epsilon: 1e-3, momentum: 0.5 });
    const trained = () => {
      const bn = make();
      bn.scale.data.set([1.5, -0.5]);
      bn.bias.data.set([0.25, 2]);
      bn.forwardMut((x as Tensor<readonly number[]>).trace() as never);
      return bn;
    };
    const infer = (layer: unknown) =>
      ((layer as { forward: Untyped }).forward(x) as Tensor<readonly number[]>).array();

    it('saves and loads .npz and safetensors files', async () => {
      const bn = trained();
      for (const extension of ['npz', 'safetensors'] as const) {
        const file = temporary(`layer.${extension}`);
        const other = new Layer<2>(2);
        if (extension === 'npz') {
          await bn.save(file);
          await other.load(file);
          expect(other.epsilon).to.equal(1e-3);
        } else {
          await bn.saveSafetensors(file);
          await other.loadSafetensors(file);
          other.epsilon = 1e-3;
        }
        expect(infer(other)).to.deep.equal(infer(bn));
      }
    });

    it('is recreated from its JSON', () => {
      const bn = trained();
      const json: unknown = JSON.parse(JSON.stringify(bn));
      expect(Layer.fromJSON(json)).to.be.instanceOf(Layer);
      expect(infer(Layer.fromJSON(json))).to.deep.equal(infer(bn));
      expect(infer(moduleFromJSON(json))).to.deep.equal(infer(bn));
      const frozen: unknown = JSON.parse(JSON.stringify(freeze(bn, { trainable: true })));
      expect(Frozen.fromJSON(frozen)).to.be.instanceOf(Frozen);
      expect(infer(moduleFromJSON(frozen))).to.deep.equal(infer(bn));
    });

    it('is cloned with fresh tensors', () => {
      const bn = trained();
      const copy = bn.clone();
      expect(copy).to.be.instanceOf(Layer);
      expect(copy.scale.id).to.not.equal(bn.scale.id);
      expect(infer(copy)).to.deep.equal(infer(bn));
    });

    it('is frozen with its statistics', () => {
      const bn = trained();
      const frozen = freeze(bn);
      expect(frozen).to.be.instanceOf(Frozen);
      expect(infer(frozen)).to.deep.equal(infer(bn));
      const taped = (x as Tensor<readonly number[]>).trace();
      const y = (frozen.forward as Untyped).call(frozen, taped) as Tensor<readonly number[]>;
      const gradients = backward((y as never as ReturnType<typeof taped.square>).sum());
      expect(gradients.get(taped)).to.not.equal(undefined);
      expect(frozen.runningMean.array()).to.deep.equal(bn.runningMean.array());
    });

    it('is fused with a ReLU after it, with the same bits', () => {
      const bn = make();
      const net = Reflect.construct(Sequential, [bn.clone(), new ReLU()]) as unknown as {
        forwardMut: Untyped;
      };
      const taped = () => (x as Tensor<readonly number[]>).trace();
      const fused = net.forwardMut(taped()) as Tensor<readonly number[]>;
      const separate = (bn.forwardMut(taped() as never) as Tensor<readonly number[]>).relu();
      expect(fused.data).to.deep.equal(separate.data);
    });

    it('is recalibrated', async () => {
      const bn = trained();
      await recalibrate(bn as never, [x as Tensor<readonly number[]>]);
      const all = [...(x as Tensor<readonly number[]>).data];
      const plane = all.length / (shape[0] * 2);
      for (const c of [0, 1]) {
        const { mean } = moments(all.filter((_, i) => Math.floor(i / plane) % 2 === c));
        expectNear([bn.runningMean.data[c]], [mean], 1e-6);
      }
      expect(bn.momentum).to.equal(0.5);
    });
  });
}
