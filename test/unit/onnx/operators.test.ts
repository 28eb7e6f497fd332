import { backward, BatchNorm2D, FileFormatError, Linear, type Shape, Tensor } from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { expectRejection } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { floats, int64s, type model, node, writeModelFile } from './build.js';

// tools/check/onnx-cases.mjs runs the ONNX project's own cases of each operator.

type Parts = Parameters<typeof model>[0];

/** Numbers from PyTorch 1.13 and NumPy. */
const expected = {
  points: [-6, -3, -1.5, -0.5, -1e-3, 0, 1e-6, 0.1, 0.7, 1, 2, 2.5, 3.5],
  erf: [
    ...[-1, -0.9999779095030014, -0.9661051464753108, -0.5204998778130465, -0.0011283787909692365, 0],
    ...[1.1283791670951364e-6, 0.1124629160182849, 0.6778011938374184, 0.8427007929497149],
    ...[0.9953222650189527, 0.999593047982555, 0.9999992569016276],
  ],
  gelu: [
    ...[-5.919525869479969e-9, -0.00404969409489031, -0.10021080190328704, -0.15426876936299344],
    ...[-0.000499601057786089, 0, 5.000003989422804e-7, 0.053982783727702904, 0.5306254434438489],
    ...[0.841344746068543, 1.9544997361036416, 2.4844758366855597, 3.4991857982233756],
  ],
  geluGradient: [
    ...[-3.546870945402639e-8, -0.01194564720418392, -0.1274691922299796, 0.13250487534383712],
    ...[0.4992021157051586, 0.5, 0.5000007978845609, 0.5795230920247302, 0.9766141011336599],
    ...[1.0833154705876864, 1.085231801078197, 1.037611085908145, 1.0028217603536247],
  ],
  halfPixel: [
    ...[0, 0.4, 1, 2.8, 4, 2.25, 3.25, 4.75, 7.45, 9.25],
    ...[6.75, 8.95, 12.25, 16.75, 19.75, 9, 11.8, 16, 21.4, 25],
  ],
  alignedCorners: [0, 0.5, 1, 2.5, 4, 3, 4.5, 6, 8.5, 11, 6, 8.5, 11, 14.5, 18, 9, 12.5, 16, 20.5, 25],
  pads: {
    edge: [1, 1, 1, 1, 2, 3, 4, 4, 4],
    reflect: [4, 3, 2, 1, 2, 3, 4, 3, 2],
    wrap: [2, 3, 4, 1, 2, 3, 4, 1, 2],
  },
};

describe('operators of imported networks', () => {
  const path = temporaryDirectory();

  async function imported(parts: Parts) {
    writeModelFile(path('model.onnx'), parts);
    return importOnnx(path('model.onnx'));
  }

  /** The result of one node for an input. */
  async function result(
    x: Tensor<Shape>,
    operator: Parts['nodes'][number],
    initializers: Parts['initializers'] = [],
    opset = 21,
  ): Promise<Tensor<Shape>> {
    const net = await imported({ nodes: [operator], initializers, inputs: { x: x.shape }, opset });
    return net.forward(x);
  }

  async function expectRefused(parts: Parts, ...texts: string[]): Promise<void> {
    await expectRejection(imported(parts), FileFormatError, ...texts);
  }

  const { points } = expected;
  const row = Tensor.from(points, [points.length]);

  it('Erf agrees with float64 to within float32', async () => {
    const y = await result(row, node('Erf', ['x'], ['y']));
    y.data.forEach((value, i) => {
      expect(Math.abs(value - expected.erf[i])).to.be.at.most(6e-7 * Math.abs(expected.erf[i]));
    });
    const far = await result(Tensor.from([Infinity, -Infinity, 1e30, NaN], [4]), node('Erf', ['x'], ['y']));
    expect(Array.from(far.data)).to.deep.equal([1, -1, 1, NaN]);
  });

  it('Gelu is the exact form unless it names its approximation, with its gradient', async () => {
    const net = await imported({
      ...{ nodes: [node('Gelu', ['x'], ['y'])], inputs: { x: [points.length] }, opset: 20 },
    });
    expectNear(net.forward(row).data, expected.gelu, 2e-6);
    const gradients = backward(net.forwardMut(row.trace()).sum());
    expectNear(gradients.get(row)?.data ?? [], expected.geluGradient, 5e-6);
    const tanh = await result(row, node('Gelu', ['x'], ['y'], { approximate: 'tanh' }));
    expect(tanh.data).to.deep.equal(row.gelu().data);
    const other = [node('Gelu', ['x'], ['y'], { approximate: 'sigmoid' })];
    await expectRefused({ nodes: other, opset: 20 }, '"Gelu_y"', 'approximate = sigmoid');
  });

  it('Resize interpolates like PyTorch, with both alignments', async () => {
    const x = Tensor.from([0, 1, 4, 9, 16, 25], [1, 1, 2, 3]);
    const resize = (attributes: Record<string, string>) =>
      result(x, node('Resize', ['x', '', '', 'sizes'], ['y'], { mode: 'linear', ...attributes }), [
        int64s('sizes', [4], [1, 1, 4, 5]),
      ]);
    const half = await resize({ coordinate_transformation_mode: 'half_pixel' });
    expect(half.shape).to.deep.equal([1, 1, 4, 5]);
    expectNear(half.data, expected.halfPixel, 1e-5);
    const aligned = await resize({ coordinate_transformation_mode: 'align_corners' });
    expectNear(aligned.data, expected.alignedCorners, 1e-5);
  });

  it('Resize doubles and triples images, pixel by pixel', async () => {
    const x = Tensor.from(values(seeded(3), 12), [1, 1, 3, 4]);
    for (const [times, mode] of [
      [2, 'linear'],
      [3, 'linear'],
      [2, 'nearest'],
      [3, 'nearest'],
    ] as const) {
      const nearest = mode === 'nearest' ? { nearest_mode: 'floor' } : {};
      const y = await result(
        x,
        node('Resize', ['x', '', 'scales'], ['y'], {
          ...{ mode, coordinate_transformation_mode: mode === 'nearest' ? 'asymmetric' : 'half_pixel' },
          ...nearest,
        }),
        [floats('scales', [4], [1, 1, times, times])],
      );
      const at = (i: number, size: number) => Math.min(Math.max((i + 0.5) / times - 0.5, 0), size - 1);
      const pixel = (r: number, c: number) => x.data[4 * r + c];
      const wanted = Array.from({ length: 12 * times ** 2 }, (_, index) => {
        const [r, c] = [Math.floor(index / (4 * times)), index % (4 * times)];
        if (mode === 'nearest') return pixel(Math.floor(r / times), Math.floor(c / times));
        const [top, left] = [Math.floor(at(r, 3)), Math.floor(at(c, 4))];
        const [down, right] = [at(r, 3) - top, at(c, 4) - left];
        const [below, next] = [Math.min(top + 1, 2), Math.min(left + 1, 3)];
        const rowAt = (each: number) => pixel(each, left) * (1 - right) + pixel(each, next) * right;
        return rowAt(top) * (1 - down) + rowAt(below) * down;
      });
      expectNear(y.data, wanted, 1e-6, `${mode}, ${times}`);
    }
  });

  it('Pad repeats like NumPy, and crops with negative numbers', async () => {
    const x = Tensor.from([1, 2, 3, 4], [1, 4]);
    const pad = (mode: string, pads: readonly number[]) =>
      result(x, node('Pad', ['x', 'pads'], ['y'], { mode }), [int64s('pads', [pads.length], pads)]);
    for (const [mode, wanted] of Object.entries(expected.pads)) {
      expect(Array.from((await pad(mode, [0, 3, 0, 2])).data), mode).to.deep.equal(wanted);
    }
    expect(Array.from((await pad('constant', [0, -1, 1, 2])).data)).to.deep.equal([
      ...[2, 3, 4, 0, 0],
      ...[0, 0, 0, 0, 0],
    ]);
    expect(Array.from((await pad('reflect', [0, -2, 0, 1])).data)).to.deep.equal([3, 4, 3]);
    expect(Array.from((await pad('constant', [0, 0, 0, -1])).data)).to.deep.equal([1, 2, 3]);
    await expectRejection(pad('constant', [0, 1]), FileFormatError, '"Pad_y"', '[0, 1] for 2 axes');
  });

  it('Slice goes backwards, and over constants of several axes', async () => {
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    const slice = await result(x, node('Slice', ['x', 'from', 'to', 'axes', 'step'], ['y']), [
      ...[int64s('from', [2], [-1, 5]), int64s('to', [2], [-9, -9])],
      ...[int64s('axes', [2], [0, 1]), int64s('step', [2], [-1, -2])],
    ]);
    expect(slice.shape).to.deep.equal([2, 2]);
    expect(Array.from(slice.data)).to.deep.equal([6, 4, 3, 1]);
  });

  it('computes the padding that PyTorch writes as a chain of operators', async () => {
    // [left, right, top, bottom] becomes ONNX's order through a reversed matrix that is transposed.
    const net = await imported({
      nodes: [
        node('ConstantOfShape', ['missing'], ['zeros'], { value: int64s('', [1], [0]) }),
        node('Concat', ['given', 'zeros'], ['all'], { axis: 0 }),
        node('Reshape', ['all', 'pairs'], ['matrix']),
        node('Slice', ['matrix', 'last', 'first', 'zero', 'back'], ['reversed']),
        node('Transpose', ['reversed'], ['turned'], { perm: [1, 0] }),
        node('Reshape', ['turned', 'flat'], ['list']),
        node('Cast', ['list'], ['pads'], { to: 7 }),
        node('Pad', ['x', 'pads'], ['y'], { mode: 'constant' }),
      ],
      initializers: [
        ...[int64s('given', [4], [1, 2, 3, 4]), int64s('missing', [1], [4]), int64s('pairs', [2], [-1, 2])],
        ...[int64s('last', [1], [-1]), int64s('first', [1], [-(2 ** 40)]), int64s('zero', [1], [0])],
        ...[int64s('back', [1], [-1]), int64s('flat', [1], [-1])],
      ],
      inputs: { x: [1, 1, 2, 2] },
    });
    const y = net.forward(Tensor.ones([1, 1, 2, 2]));
    expect(y.shape).to.deep.equal([1, 1, 9, 5]);
    const ones = Array.from(y.data).flatMap((value, i) => (value === 1 ? [[Math.floor(i / 5), i % 5]] : []));
    expect(ones).to.deep.equal([
      [3, 1],
      [3, 2],
      [4, 1],
      [4, 2],
    ]);
  });

  it('joins integers along any axis', async () => {
    const net = await imported({
      nodes: [
        node('Concat', ['before', 'after'], ['matrix'], { axis: 1 }),
        node('Reshape', ['matrix', 'flat'], ['pads']),
        node('Pad', ['x', 'pads'], ['y']),
      ],
      initializers: [
        ...[int64s('before', [2, 1], [0, 2]), int64s('after', [2, 1], [1, 0])],
        int64s('flat', [1], [-1]),
      ],
      inputs: { x: [1, 2] },
    });
    // The pads are [0, 1, 2, 0]: one column before, two rows behind.
    expect(Array.from(net.forward(Tensor.ones([1, 2])).data)).to.deep.equal([0, 1, 1, 0, 0, 0, 0, 0, 0]);
  });

  it('chooses by conditions on floats and on sizes', async () => {
    const net = await imported({
      nodes: [
        node('Greater', ['x', 'limit'], ['large']),
        node('Not', ['large'], ['small']),
        node('Where', ['small', 'x', 'limit'], ['bounded']),
        node('Shape', ['x'], ['shape']),
        node('Equal', ['shape', 'three'], ['isThree']),
        node('Where', ['isThree', 'open', 'shape'], ['target']),
        node('Reshape', ['bounded', 'target'], ['y']),
      ],
      initializers: [floats('limit', [], [0.5]), int64s('three', [], [3]), int64s('open', [], [-1])],
      inputs: { x: ['N', 3] },
    });
    const y = net.forward(Tensor.from([0, 1, 2, -1, 0.5, 0.25], [2, 3]));
    expect(y.shape).to.deep.equal([2, 3]);
    expect(Array.from(y.data)).to.deep.equal([0, 0.5, 0.5, -1, 0.5, 0.25]);
  });

  it('Gemm computes every combination of its attributes', async () => {
    const [m, k, n] = [2, 3, 4];
    const random = seeded(5);
    const a = values(random, m * k);
    const b = values(random, k * n);
    const c = values(random, m * n);
    for (const transA of [0, 1]) {
      for (const transB of [0, 1]) {
        for (const [alpha, beta, bias] of [
          [1, 1, [n]],
          [0.5, 1, [n]],
          [1, 2.5, [n]],
          [0.5, 2.5, [1, n]],
          [1, 1, [m, 1]],
          [1, 1, [m, n]],
          [1, 1, []],
          [1, 1, undefined],
        ] as const) {
          const count = bias?.reduce<number>((product, size) => product * size, 1) ?? 0;
          const aAt = (i: number, j: number) => a[transA === 0 ? i * k + j : j * m + i];
          const bAt = (i: number, j: number) => b[transB === 0 ? i * n + j : j * k + i];
          const cAt = (i: number, j: number) => {
            if (bias === undefined) return 0;
            const [rows, columns] = [bias.at(-2) ?? 1, bias.at(-1) ?? 1];
            return c[(rows === 1 ? 0 : i * columns) + (columns === 1 ? 0 : j)];
          };
          const wanted = Array.from({ length: m * n }, (_, index) => {
            const [i, j] = [Math.floor(index / n), index % n];
            let sum = 0;
            for (let inner = 0; inner < k; inner++) sum += aAt(i, inner) * bAt(inner, j);
            return alpha * sum + beta * cAt(i, j);
          });
          const y = await result(
            Tensor.from(a, transA === 0 ? [m, k] : [k, m]),
            node('Gemm', ['x', 'w', ...(bias === undefined ? [] : ['c'])], ['y'], {
              ...{ transA, transB },
              ...(alpha === 1 ? {} : { alpha }),
              ...(beta === 1 ? {} : { beta }),
            }),
            [
              floats('w', transB === 0 ? [k, n] : [n, k], Array.from(b)),
              ...(bias === undefined ? [] : [floats('c', bias, Array.from(c.slice(0, count)))]),
            ],
          );
          expectNear(y.data, wanted, 1e-6, JSON.stringify({ transA, transB, alpha, beta, bias }));
        }
      }
    }
  });

  it('Clip takes either bound, both or none, in old and new versions', async () => {
    const x = Tensor.from([-2, 0.5, 3], [3]);
    const bounds = [floats('low', [], [-1]), floats('high', [], [1])];
    const clip = async (inputs: readonly string[]) =>
      Array.from((await result(x, node('Clip', ['x', ...inputs], ['y']), bounds)).data);
    expect(await clip(['low', 'high'])).to.deep.equal([-1, 0.5, 1]);
    expect(await clip(['low'])).to.deep.equal([-1, 0.5, 3]);
    expect(await clip(['', 'high'])).to.deep.equal([-2, 0.5, 1]);
    expect(await clip([])).to.deep.equal([-2, 0.5, 3]);
    const early = await result(x, node('Clip', ['x'], ['y'], { max: 0.25 }), [], 7);
    expect(Array.from(early.data)).to.deep.equal([-2, 0.25, 0.25]);
  });

  for (const opset of [7, 9, 11, 13, 17, 18, 21, 22]) {
    it(`reads the operators of a classifier in version ${opset}`, async () => {
      const names = ['s', 'b', 'm', 'v'];
      const axes = opset < 13 ? { axes: [2, 3] } : undefined;
      const net = await imported({
        nodes: [
          node('Conv', ['x', 'w'], ['c']),
          node('BatchNormalization', ['c', ...names], ['n']),
          node('Relu', ['n'], ['r']),
          node('MaxPool', ['r'], ['p'], { kernel_shape: [4, 4] }),
          node('Squeeze', axes === undefined ? ['p', 'axes'] : ['p'], ['f'], axes ?? {}),
          node('Gemm', ['f', 'h', 'b'], ['y']),
        ],
        initializers: [
          floats('w', [2, 2, 1, 1], [1, 2, 3, 4]),
          ...names.map((name, i) => floats(name, [2], [1 + i, 2 + i])),
          floats('h', [2, 2], [1, 0, 0, 1]),
          ...(axes === undefined ? [int64s('axes', [2], [2, 3])] : []),
        ],
        opset,
      });
      expect(net.layers.map((layer) => layer.constructor)).to.include.members([BatchNorm2D, Linear]);
      const y = net.forward(Tensor.ones([3, 2, 4, 4])).data;
      // scale * (conv - mean) / sqrt(variance + epsilon) + bias, and the bias of Gemm
      const wanted = [0, 1].map((i) => {
        const normalized = ((1 + i) * ([3, 7][i] - (3 + i))) / Math.sqrt(4 + i + 1e-5) + 2 + i;
        return Math.max(0, normalized) + 2 + i;
      });
      expectNear(Array.from(y.slice(0, 2)), wanted, 1e-5);
    });
  }

  it('refuses what the package does not have, naming the node', async () => {
    const volume = { x: ['N', 2, 4, 4, 4] };
    const cube = floats('w', [2, 2, 1, 1, 1], [1, 2, 3, 4]);
    await expectRefused(
      { nodes: [node('Conv', ['x', 'w'], ['y'])], initializers: [cube], inputs: volume },
      ...['"Conv_y"', '3 spatial axes'],
    );
    await expectRefused(
      { nodes: [node('MaxPool', ['x'], ['y'], { kernel_shape: [1, 1, 1] })], inputs: volume },
      ...['"MaxPool_y"', '3 spatial axes'],
    );
    const parameters = ['s', 'b', 'm', 'v'];
    const training = node('BatchNormalization', ['x', ...parameters], ['y', 'mean', 'var'], {
      training_mode: 1,
    });
    await expectRefused(
      { nodes: [training], initializers: parameters.map((name) => floats(name, [2], [1, 2])) },
      ...['"BatchNormalization_y"', 'training_mode = 1'],
    );
    const dropout = node('Dropout', ['x', 'ratio', 'training'], ['y']);
    await expectRefused(
      { nodes: [dropout], initializers: [floats('ratio', [], [0.5]), int64s('training', [], [1])] },
      ...['"Dropout_y"', 'training_mode'],
    );
  });
});
