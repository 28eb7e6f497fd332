import { readFileSync } from 'node:fs';
import {
  backward,
  type BaseModule,
  GroupNorm,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  LayerNorm,
  moduleFromJSON,
  NpzReader,
  ReLU,
  RMSNorm,
  Sequential,
  type Shape,
  type Tape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectWithin } from '../../support/expect-within.js';
import { checkGradients } from '../../support/gradient-check.js';
import { type GroupGeometry, groupNormReference } from '../../support/group-norm-reference.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** The members that all norms of single samples share. */
interface SampleNorm extends BaseModule {
  epsilon: number;
  readonly scale: Tensor<Shape> | undefined;
  readonly bias?: Tensor<Shape> | undefined;
}

interface Case {
  readonly norm: SampleNorm;
  readonly shape: Shape;
  readonly geometry: GroupGeometry;
  /** False for RMS norm. */
  readonly centered?: boolean;
}

const count = (shape: Shape) => shape.reduce((product, size) => product * size, 1);
const random = (seed: number, shape: Shape, deviation = 1, mean = 0): Tensor<Shape> =>
  Tensor.from(values(seeded(seed), count(shape), deviation, mean), shape);
const forward = <T extends Tape>(norm: BaseModule, x: Tensor<Shape, T>) =>
  (norm as unknown as { forward: Untyped }).forward.call(norm, x) as Tensor<Shape, T>;

function groupCase(groups: number, channels: number, shape: Shape, affine = true): Case {
  const geometry = { images: shape[0], groups, channels: channels / groups, plane: count(shape.slice(2)) };
  return { norm: new GroupNorm(groups, channels, { affine }), shape, geometry };
}

function instanceCase(norm: SampleNorm & { readonly channels: number }, shape: Shape, images: number): Case {
  const groups = norm.channels;
  return { norm, shape, geometry: { images, groups, channels: 1, plane: count(shape) / (images * groups) } };
}

/** Layer norm and RMS norm over the last axes. */
function lastAxesCase(
  Class: typeof LayerNorm | typeof RMSNorm,
  last: Shape,
  outer: Shape,
  affine = true,
): Case {
  const norm = new Class(last, { affine });
  const geometry = { images: count(outer), groups: 1, channels: count(last), plane: 1 };
  return { norm, shape: [...outer, ...last], geometry, centered: Class === LayerNorm };
}

const cases: readonly Case[] = [
  groupCase(1, 6, [3, 6, 5]),
  groupCase(2, 6, [3, 6, 4, 5]),
  groupCase(6, 6, [2, 6, 7, 3]),
  groupCase(3, 12, [5, 12]),
  groupCase(2, 4, [1, 4, 3, 2, 5]),
  groupCase(2, 6, [3, 6, 33], false),
  groupCase(4, 160, [2, 160, 9]),
  // Chunks of a group that begin within a plane, and planes of several chunks.
  groupCase(1, 3, [1, 3, 131, 67]),
  groupCase(2, 2, [2, 2, 17000]),
  instanceCase(new InstanceNorm1D(3), [4, 3, 9], 4),
  instanceCase(new InstanceNorm1D(3, { affine: true }), [3, 17], 1),
  instanceCase(new InstanceNorm2D(3, { affine: true }), [2, 3, 5, 7], 2),
  instanceCase(new InstanceNorm2D(70), [70, 4, 4], 1),
  instanceCase(new InstanceNorm3D(2, { affine: true }), [3, 2, 2, 3, 4], 3),
  instanceCase(new InstanceNorm3D(2), [2, 3, 3, 5], 1),
  ...[LayerNorm, RMSNorm].flatMap((Class) => [
    lastAxesCase(Class, [5], [7]),
    lastAxesCase(Class, [67], [2, 33]),
    lastAxesCase(Class, [3, 4], [2, 5]),
    lastAxesCase(Class, [19], []),
    lastAxesCase(Class, [33], [70], false),
    // Rows of several chunks, and more rows than one part of the parameters' gradients sums.
    lastAxesCase(Class, [17000], [3]),
    lastAxesCase(Class, [2], [4000]),
  ]),
];

const title = ({ norm, shape }: Case) => `${norm.toString().split(' {')[0]} of [${shape.join(', ')}]`;

describe('norms of single samples', () => {
  for (const each of cases) {
    const { norm, shape, geometry, centered } = each;
    it(`${title(each)} is as accurate as the numerics contract says`, () => {
      for (const [deviation, mean] of [
        [1, 0],
        [1, 1e4],
        [1e-3, 0],
        [1e8, -1e9],
      ]) {
        const x = random(1, shape, deviation, mean);
        const dy = random(2, shape, 1, 0.5);
        const { scale, bias } = norm;
        scale?.data.set(values(seeded(3), scale.data.length, 2));
        bias?.data.set(values(seeded(4), bias.data.length));
        norm.epsilon = 1e-3;
        const expected = groupNormReference(
          ...([x.data, dy.data, geometry, scale?.data, bias?.data, 1e-3, centered] as const),
        );
        const y = forward(norm, x.trace());
        const found = backward(y.mul(dy).sum(), { keep: [y] });
        expectWithin(y.data, expected.y, expected.bounds.y, 'y');
        expectWithin(found.get(x)?.data ?? [], expected.dx, expected.bounds.dx, 'dx');
        if (scale !== undefined) {
          expectWithin(found.get(scale)?.data ?? [], expected.dscale, expected.bounds.dscale, 'dscale');
        }
        if (bias !== undefined) {
          expectWithin(found.get(bias)?.data ?? [], expected.dbias, expected.bounds.dbias, 'dbias');
        }
        expect(y.shape).to.deep.equal(shape);
        // Without a tape, the same bits.
        expect(forward(norm, x).data).to.deep.equal(y.data);
      }
    });
  }

  it('have gradients that match finite differences', () => {
    const norm = new GroupNorm(2, 4);
    const weights = random(5, [2, 4, 3]);
    checkGradients(
      ([x, scale, bias]) => {
        const free = norm.clone();
        Object.assign(free, { scale, bias });
        return forward(free, x).mul(weights).square().sum();
      },
      [random(6, [2, 4, 3]), random(7, [4]), random(8, [4])],
      2e-2,
    );
    checkGradients(
      ([x]) =>
        forward(new InstanceNorm1D(2), x)
          .mul(random(5, [2, 2, 5]))
          .square()
          .sum(),
      [random(9, [2, 2, 5])],
      2e-2,
    );
    for (const norm of [new LayerNorm(5), new RMSNorm(5)]) {
      checkGradients(
        ([x, scale]) => {
          const free = norm.clone();
          Object.assign(free, { scale });
          return forward(free, x)
            .mul(random(5, [3, 5]))
            .square()
            .sum();
        },
        [random(6, [3, 5]), random(7, [5])],
        2e-2,
      );
    }
  });

  it('give the bias where all values of a group are equal', () => {
    const norm = new GroupNorm(2, 4);
    norm.scale.data.set([1, 2, 3, 4]);
    norm.bias.data.set([0.25, -1, 7, 1e-3]);
    const y = norm.forward(Tensor.from(new Float32Array(4 * 3).fill(12345.678), [1, 4, 3]));
    expect([...y.data]).to.deep.equal([...norm.bias.data].flatMap((value) => [value, value, value]));
  });

  it('give the bias where all values of a row are equal', () => {
    const norm = new LayerNorm(3);
    norm.bias.data.set([0.25, -1, 7]);
    expect(norm.forward(Tensor.from([9.7, 9.7, 9.7], [3])).array()).to.deep.equal([0.25, -1, 7]);
    // One value has no variance.
    expect(new LayerNorm(1).forward(Tensor.from([3, 4], [2, 1])).array()).to.deep.equal([[0], [0]]);
  });

  it('give the same bits for slices and for a whole batch', () => {
    const x = random(14, [5, 40]) as Tensor<readonly [5, 40]>;
    const norm = new LayerNorm(40);
    const whole = norm.forward(x).data;
    for (let row = 0; row < 5; row++) {
      const y = norm.forward(Tensor.from(x.data.slice(row * 40, row * 40 + 40), [40]));
      expect(y.data).to.deep.equal(whole.slice(row * 40, row * 40 + 40));
    }
  });

  it('keep NaN and infinities in their group', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const x = random(10, [2, 4, 5]);
      const good = new GroupNorm(2, 4).forward(x as Tensor<readonly [2, 4, 5]>).data.slice();
      x.data[3] = bad;
      const { data } = new GroupNorm(2, 4).forward(x as Tensor<readonly [2, 4, 5]>);
      expect([...data.subarray(0, 10)].some(Number.isNaN)).to.equal(true);
      expect(data.subarray(10)).to.deep.equal(good.subarray(10));
    }
  });

  it('give an empty result for an empty batch, and gradients of zero', () => {
    const norm = new GroupNorm(2, 4);
    const x = Tensor.zeros([0, 4, 3]).trace();
    const y = norm.forward(x);
    expect(y.shape).to.deep.equal([0, 4, 3]);
    const found = backward(y.sum());
    expect(found.get(norm.scale)?.array()).to.deep.equal([0, 0, 0, 0]);
    expect(found.get(norm.bias)?.array()).to.deep.equal([0, 0, 0, 0]);
    expect(norm.forward(Tensor.zeros([2, 4, 0])).shape).to.deep.equal([2, 4, 0]);
  });

  it('train and infer in a Sequential', () => {
    const net = new Sequential(new GroupNorm(2, 4), new ReLU());
    const x = random(11, [2, 4, 3, 3]) as Tensor<readonly [2, 4, 3, 3]>;
    const y = net.forward(x);
    expect(net.forwardMut(x.trace()).data).to.deep.equal(y.data);
  });

  it('notice a scale that changed before the backward pass', () => {
    for (const norm of [new GroupNorm(1, 4), new LayerNorm(4), new RMSNorm(4)]) {
      const loss = forward(norm, random(15, [3, 4]).trace()).sum();
      norm.resetParams();
      expectError(() => backward(loss), Error, `scale of ${norm.constructor.name}`);
    }
  });

  it('have no parameters without `affine`, and InstanceNorm2D has none by default', () => {
    expect(new GroupNorm(2, 4).parameters().map(([name]) => name)).to.deep.equal(['scale', 'bias']);
    expect(new GroupNorm(2, 4, { affine: false }).parameters()).to.deep.equal([]);
    expect(new InstanceNorm2D(3).parameters()).to.deep.equal([]);
    expect(new InstanceNorm2D(3, { affine: true }).state()).to.deep.equal([]);
  });

  it('reset their parameters', () => {
    const norm = new GroupNorm(1, 2);
    norm.scale.data.fill(3);
    norm.bias.data.fill(3);
    norm.resetParams();
    expect(norm.scale.array()).to.deep.equal([1, 1]);
    expect(norm.bias.array()).to.deep.equal([0, 0]);
  });

  it('refuse wrong arguments', () => {
    const make =
      (Class: unknown, ...args: unknown[]) =>
      () =>
        Reflect.construct(Class as new () => unknown, args) as unknown;
    expectError(make(GroupNorm, 3, 8), RangeError, 'a divisor of 8 channels for groups', '3');
    expectError(make(GroupNorm, 0, 8), RangeError, 'for groups', '0');
    expectError(make(GroupNorm, 2, '8'), TypeError, 'for channels', '"8"');
    expectError(make(GroupNorm, 2, 8, { affine: 1 }), TypeError, 'for affine', '1');
    expectError(make(GroupNorm, 2, 8, { epsilon: 0 }), RangeError, 'for epsilon', '0');
    expectError(make(InstanceNorm2D, 8, { momentum: 1 }), TypeError, 'momentum');
    expectError(make(LayerNorm, []), RangeError, 'at least one size for normalizedShape', '[]');
    expectError(make(LayerNorm, [3, 0]), RangeError, 'for normalizedShape[1]', '0');
    expectError(make(RMSNorm, '3'), TypeError, 'for normalizedShape', '"3"');
    expectError(make(RMSNorm, 3, { bias: true }), TypeError, 'bias');
    expectError(make(LayerNorm, 3, { affine: true }, 1), TypeError, 'new LayerNorm');
    expectError(make(InstanceNorm1D, 0), RangeError, 'for channels', '0');
  });

  it('refuse inputs of other shapes', () => {
    const call = (norm: BaseModule, shape: Shape) => () => forward(norm, Tensor.zeros(shape));
    expectError(call(new GroupNorm(2, 4), [4]), RangeError, 'shape [N, 4, ...] for x', '[4]');
    expectError(call(new GroupNorm(2, 4), [2, 5, 3]), RangeError, 'shape [N, 4, ...]', '[2, 5, 3]');
    expectError(call(new InstanceNorm1D(3), [3]), RangeError, 'a 2D tensor [C, L] or a 3D tensor', '[3]');
    expectError(call(new InstanceNorm1D(3), [4, 5]), RangeError, '3 channels for x', '4 (shape [4, 5])');
    expectError(call(new InstanceNorm2D(3), [2, 4, 5, 5]), RangeError, '3 channels', '4');
    expectError(call(new InstanceNorm3D(3), [3, 2, 2]), RangeError, 'a 4D tensor [C, D, H, W]', '[3, 2, 2]');
    const ends = 'a shape that ends in [3, 4] for x';
    expectError(call(new LayerNorm([3, 4]), [4, 3]), RangeError, ends, '[4, 3]');
    expectError(call(new LayerNorm([3, 4]), [4]), RangeError, ends, '[4]');
    expectError(call(new LayerNorm([3, 4]), [2, 5, 4]), RangeError, ends, '[2, 5, 4]');
    expectError(call(new RMSNorm(4), []), RangeError, 'a shape that ends in [4]', '[]');
    const one = 'more than one value per channel of a sample for x';
    expectError(call(new InstanceNorm2D(3), [2, 3, 1, 1]), RangeError, one, '[2, 3, 1, 1]');
  });
});

describe('norms of single samples as modules', () => {
  const temporary = temporaryDirectory();

  const modules: readonly Case[] = [
    groupCase(2, 4, [2, 4, 3]),
    groupCase(2, 4, [2, 4, 3], false),
    instanceCase(new InstanceNorm1D(2, { affine: true }), [3, 2, 4], 3),
    instanceCase(new InstanceNorm2D(2, { affine: true }), [2, 2, 4, 4], 2),
    instanceCase(new InstanceNorm3D(2), [2, 2, 2, 2], 1),
    lastAxesCase(LayerNorm, [3, 4], [2]),
    lastAxesCase(RMSNorm, [4], [3]),
    lastAxesCase(RMSNorm, [4], [3], false),
  ];
  for (const each of modules) {
    const { norm, shape } = each;
    const x = random(12, shape);
    before(() => {
      norm.epsilon = 0.25;
      for (const [, tensor] of norm.parameters()) tensor.data.set(values(seeded(13), tensor.data.length, 2));
    });

    it(`${title(each)} is saved, loaded, cloned and recreated from JSON`, async () => {
      const y = forward(norm, x).data;
      const fresh = () => {
        const copy = norm.clone();
        copy.resetParams();
        copy.epsilon = 1e-5;
        return copy;
      };
      const fromNpz = fresh();
      await norm.save(temporary('norm.npz'));
      await fromNpz.load(temporary('norm.npz'));
      expect(forward(fromNpz, x).data).to.deep.equal(y);

      const fromSafetensors = fresh();
      await norm.saveSafetensors(temporary('norm.safetensors'));
      await fromSafetensors.loadSafetensors(temporary('norm.safetensors'));
      fromSafetensors.epsilon = 0.25;
      expect(forward(fromSafetensors, x).data).to.deep.equal(y);

      const json: unknown = JSON.parse(JSON.stringify(norm));
      const read = moduleFromJSON(json) as unknown as BaseModule;
      expect(read).to.be.instanceOf(norm.constructor);
      expect(forward(read, x).data).to.deep.equal(y);
      const Class = norm.constructor as unknown as { fromJSON(json: unknown): BaseModule };
      expect(forward(Class.fromJSON(json), x).data).to.deep.equal(y);
      expect(forward(norm.clone(), x).data).to.deep.equal(y);
    });
  }

  it("have dfdx's names in .npz files and PyTorch's names in safetensors files", async () => {
    await new LayerNorm(2).save(temporary('layer.npz'));
    const reader = await NpzReader.open(temporary('layer.npz'));
    expect(reader.has('gamma.npy') && reader.has('beta.npy') && reader.has('epsilon.npy')).to.equal(true);
    reader.close();
    await new LayerNorm(2).saveSafetensors(temporary('layer.safetensors'));
    const text = readFileSync(temporary('layer.safetensors'), 'latin1');
    expect(text).to.contain('"weight"').and.to.contain('"bias"');
  });

  it('refuse JSON of other sizes', () => {
    const layer = JSON.parse(JSON.stringify(new LayerNorm(2))) as Record<string, unknown>;
    for (const [normalizedShape, type, place] of [
      [[3], RangeError, 'json.scale'],
      [[], RangeError, 'json.normalizedShape'],
      [[0], RangeError, 'json.normalizedShape[0]'],
      [['2'], TypeError, 'json.normalizedShape[0]'],
      [2, TypeError, 'json.normalizedShape'],
    ] as const) {
      expectError(() => LayerNorm.fromJSON({ ...layer, normalizedShape }), type, place);
    }
    const json = JSON.parse(JSON.stringify(new GroupNorm(2, 4))) as Record<string, unknown>;
    expectError(() => GroupNorm.fromJSON({ ...json, groups: 3 }), RangeError, 'json.groups', '3');
    expectError(() => GroupNorm.fromJSON({ ...json, affine: 'no' }), TypeError, 'json.affine', '"no"');
    expectError(() => GroupNorm.fromJSON({ ...json, channels: 6 }), RangeError, 'json.scale');
  });
});
