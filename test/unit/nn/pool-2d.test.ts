import { inspect } from 'node:util';
import { AvgPool2D, AvgPoolGlobal, backward, MaxPool2D, moduleFromJSON, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

/** Distinct values whose distances exceed the step of finite differences. */
function distinct(n: number): Float32Array {
  const order = Array.from({ length: n }, (_, i) => i);
  const rng = seeded(n);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(rng() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return Float32Array.from(order, (place) => place / 16 - n / 32);
}

/** Calls visit(window, element) for every element of every window, in order. */
function eachElement(
  [height, width]: readonly [number, number],
  planes: number,
  { kernel, stride, padding }: { kernel: number; stride: number; padding: number },
  visit: (window: number, i: number) => void,
): number {
  let window = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (let top = -padding; top + kernel <= height + padding; top += stride) {
      for (let left = -padding; left + kernel <= width + padding; left += stride, window++) {
        for (let y = Math.max(0, top); y < Math.min(height, top + kernel); y++) {
          for (let x = Math.max(0, left); x < Math.min(width, left + kernel); x++) {
            visit(window, (plane * height + y) * width + x);
          }
        }
      }
    }
  }
  return window;
}

const windows = [
  [2, 2, 0],
  [3, 1, 1],
  [3, 2, 1],
  [1, 1, 0],
  [2, 3, 1],
  [4, 3, 3],
] as const;

describe('MaxPool2D and AvgPool2D', () => {
  for (const [kernel, stride, padding] of windows) {
    for (const shape of [
      [2, 3, 6, 19],
      [3, 7, 5],
    ] as const) {
      it(`kernel ${kernel}, stride ${stride}, padding ${padding} of [${shape.join(', ')}]`, () => {
        const planes = shape.slice(0, -2).reduce((a, b) => a * b, 1);
        const [height, width] = shape.slice(-2);
        const data = distinct(planes * height * width);
        const x = Tensor.from(data, shape);
        const largest: number[] = [];
        const means: number[] = [];
        const pixels: number[] = [];
        const by = { kernel, stride, padding };
        eachElement([height, width], planes, by, (window, i) => {
          largest[window] = Math.max(largest[window] ?? -Infinity, data[i]);
          means[window] = (means[window] ?? 0) + data[i] / (kernel * kernel);
          pixels[window] = (pixels[window] ?? 0) + 1;
        });
        const max = new MaxPool2D(kernel, { stride, padding }).forward(x);
        const avg = new AvgPool2D(kernel, { stride, padding }).forward(x);
        const sizes = [height, width].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1);
        expect(max.shape).to.deep.equal([...shape.slice(0, -2), ...sizes]);
        expect(avg.shape).to.deep.equal(max.shape);
        expect([...max.data]).to.deep.equal(largest);
        expectNear(avg.data, means, 1e-5);
        const ofPixels = new AvgPool2D(kernel, { stride, padding, countIncludePad: false }).forward(x);
        const shares = means.map((mean, i) => (mean * kernel * kernel) / pixels[i]);
        expectNear(ofPixels.data, shares, 1e-5);
      });
    }
  }

  it('pools rectangles, with a stride and a padding for each side', () => {
    const x = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [1, 3, 4]);
    const max = new MaxPool2D([2, 1], { stride: [1, 2] }).forward(x);
    expect(max.array()).to.deep.equal([
      [
        [5, 7],
        [9, 11],
      ],
    ]);
    const avg = new AvgPool2D([1, 3], { stride: [2, 3], padding: [0, 1] });
    expect(avg.forward(x).array()).to.deep.equal([
      [
        [1, 7 / 3],
        [19 / 3, 23 / 3],
      ].map((row) => row.map(Math.fround)),
    ]);
    // One column to the left only, and one row below.
    const sides = new AvgPool2D(2, { stride: 2, padding: [0, 1, 1, 0] }).forward(x);
    expect(sides.array()).to.deep.equal([
      [
        [1.5, 4.5],
        [2.25, 5.25],
      ],
    ]);
    const pixels = new AvgPool2D(2, { stride: 2, padding: [0, 1, 1, 0], countIncludePad: false });
    expect(pixels.forward(x).array()).to.deep.equal([
      [
        [3, 4.5],
        [9, 10.5],
      ],
    ]);
  });

  it('rounds the number of windows up with ceilMode, unless the last one would begin in the padding', () => {
    const x = Tensor.from([1, 2, 3, 4, 5], [1, 1, 5]);
    const rows = (pool: MaxPool2D<[1, 2] | [1, 3], 2 | 3, [0, 0] | [0, 1], 1, true>) =>
      pool.forward(x).array();
    expect(rows(new MaxPool2D([1, 2], { stride: 2, ceilMode: true }))).to.deep.equal([[[2, 4, 5]]]);
    // Windows from -1, 1 and 3; the next one would begin at 5.
    expect(rows(new MaxPool2D([1, 2], { stride: 2, padding: [0, 1], ceilMode: true }))).to.deep.equal([
      [[1, 3, 5]],
    ]);
    const means = (countIncludePad: boolean, padding: [0, 0] | [0, 1]) => {
      const pool = new AvgPool2D([1, 3], { stride: 3, padding, ceilMode: true, countIncludePad });
      return [...pool.forward(x).data];
    };
    // The last window has two values.
    expect(means(true, [0, 0])).to.deep.equal([2, 4.5]);
    expect(means(false, [0, 0])).to.deep.equal([2, 4.5]);
    // From -1 and from 2: padding counts, or not.
    expect(means(true, [0, 1])).to.deep.equal([1, 4]);
    expect(means(false, [0, 1])).to.deep.equal([1.5, 4]);
  });

  it('takes pixels apart with dilation', () => {
    const x = Tensor.from([9, 8, 1, 2, 3, 4], [1, 1, 6]);
    expect(new MaxPool2D([1, 2], { dilation: [1, 3] }).forward(x).array()).to.deep.equal([[[9, 8, 4]]]);
    const y = new MaxPool2D([1, 2], { dilation: [1, 3] }).forward(x.trace());
    expect(backward(y.sum()).get(x)?.array()).to.deep.equal([[[1, 1, 0, 0, 0, 1]]]);
    // The first window reads columns -1 and 4, of which the image has neither.
    const low = Tensor.from([-Infinity, 2, 3, 4], [1, 1, 4]);
    const between = new MaxPool2D([1, 2], { dilation: [1, 5], padding: [0, 1] }).forward(low.trace());
    expect(between.detach().array()).to.deep.equal([[[-Infinity]]]);
    expect(backward(between.sum()).get(low)?.array()).to.deep.equal([[[0, 0, 0, 0]]]);
  });

  it('has the gradients that finite differences find', () => {
    const x = Tensor.from(distinct(2 * 5 * 6), [2, 5, 6]);
    for (const pool of [
      new MaxPool2D(3, { stride: 2, padding: 1 }),
      new AvgPool2D(3, { stride: 2, padding: 1 }),
      new AvgPool2D(3, { stride: 2, padding: 1, countIncludePad: false }),
      // Separate pairs of columns have kernels of their own.
      new MaxPool2D(2, { stride: 2 }),
      new AvgPool2D(2, { stride: 2 }),
    ]) {
      const { shape } = pool.forward(x);
      const weighted = Tensor.from(values(seeded(3), shape[0] * shape[1] * shape[2]), shape);
      checkGradients(
        ([a]) =>
          pool
            .forward(a.reshape([2, 5, 6]))
            .mul(weighted)
            .sum(),
        [x],
        2e-3,
      );
    }
  });

  it('passes the gradient to the first of several maxima, as in PyTorch', () => {
    const x = Tensor.from([1, 1, 0.5, 0.25, 0.25, 0.25, 0.5, 1.25], [1, 2, 4]);
    const y = new MaxPool2D(2).forward(x.trace());
    expect(y.detach().array()).to.deep.equal([[[1, 1, 1.25]]]);
    // The first window has two maxima: dfdx gives [1, 2, 0, 0] to the upper row.
    expect(backward(y.sum()).get(x)?.array()).to.deep.equal([
      [
        [1, 1, 0, 0],
        [0, 0, 0, 1],
      ],
    ]);
  });

  it('propagates NaN from any place of a window and passes it the gradient', () => {
    const x = Tensor.from([NaN, 1, 2, -Infinity, -Infinity, 3], [1, 1, 6]);
    const y = new MaxPool2D(1, { stride: 1 }).forward(x);
    expect(y.array()).to.deep.equal([[[NaN, 1, 2, -Infinity, -Infinity, 3]]]);
    for (const kernel of [2, 3]) {
      const n = kernel * kernel;
      for (let place = 0; place < n; place++) {
        const window = Array.from({ length: n }, (_, i) => (i === place ? NaN : 7 - i));
        const alone = Tensor.from(window, [1, kernel, kernel]);
        const z = new MaxPool2D(kernel).forward(alone.trace());
        expect(z.detach().array(), `NaN at ${place}`).to.deep.equal([[[NaN]]]);
        const gradient = backward(z.sum()).get(alone)?.reshape([n]).array();
        expect(gradient, `NaN at ${place}`).to.deep.equal(window.map((v) => (v > -9 ? 0 : 1)));
      }
    }
  });

  it('passes the gradient of a window of -Infinity to its first element, as in PyTorch', () => {
    const low = Tensor.from(new Float32Array(36).fill(-Infinity), [1, 6, 6]);
    const gradientOf = (pool: MaxPool2D<number, number, number>): unknown => {
      const y = pool.forward(low.trace());
      const count = y.shape[1] * y.shape[2];
      const weights = Tensor.from(
        Array.from({ length: count }, (_, i) => 2 ** i),
        y.shape,
      );
      return backward(y.mul(weights).sum()).get(low)?.array();
    };
    const zeros = [0, 0, 0, 0, 0, 0];
    // From torch.nn.functional.max_pool2d with the same sizes and the same output gradient.
    expect(gradientOf(new MaxPool2D(3, { stride: 3 }))).to.deep.equal([
      [[1, 0, 0, 2, 0, 0], zeros, zeros, [4, 0, 0, 8, 0, 0], zeros, zeros],
    ]);
    // Windows that begin in the padding have their first element in the image.
    expect(gradientOf(new MaxPool2D(3, { stride: 2, padding: 1 }))).to.deep.equal([
      [[1, 2, 0, 4, 0, 0], [8, 16, 0, 32, 0, 0], zeros, [64, 128, 0, 256, 0, 0], zeros, zeros],
    ]);
    // Beside a finite value, which is larger.
    const x = Tensor.from([-Infinity, -Infinity, -Infinity, -3.4e38], [1, 2, 2]);
    const y = new MaxPool2D(2).forward(x.trace());
    expect(backward(y.sum()).get(x)?.array()).to.deep.equal([
      [
        [0, 0],
        [0, 1],
      ],
    ]);
  });

  it('accepts an empty batch', () => {
    const x = Tensor.zeros([0, 3, 8, 8]);
    for (const pool of [new MaxPool2D(2, { stride: 2 }), new AvgPool2D(2, { stride: 2 })]) {
      const y = pool.forward(x.trace());
      expect(y.shape).to.deep.equal([0, 3, 4, 4]);
      expect(backward(y.sum()).get(x)?.shape).to.deep.equal([0, 3, 8, 8]);
    }
  });

  it("has dfdx's defaults and can be cloned", () => {
    const pool = new MaxPool2D(3);
    expect([pool.kernelSize, pool.stride, pool.padding]).to.deep.equal([3, 1, 0]);
    const copy = new AvgPool2D(3, { stride: 2, padding: 1 }).clone();
    expect(copy).to.be.instanceOf(AvgPool2D);
    expect([copy.kernelSize, copy.stride, copy.padding]).to.deep.equal([3, 2, 1]);
    const sides = new MaxPool2D([3, 2], { padding: [2, 1, 0, 1] });
    expect(sides.padding).to.deep.equal([2, 1, 0, 1]);
    expect(Object.isFrozen(sides.padding)).to.equal(true);
    expect(sides.clone().forward(Tensor.zeros([1, 4, 4])).shape).to.deep.equal([1, 4, 5]);
    expect(inspect(sides)).to.equal('MaxPool2D([3, 2]) { stride: 1, padding: [2, 1, 0, 1] }');
    const unusual = new MaxPool2D(3, { dilation: [1, 2], ceilMode: true });
    expect(inspect(unusual)).to.equal(
      'MaxPool2D(3) { stride: 1, padding: 0, dilation: [1, 2], ceilMode: true }',
    );
  });

  it('names invalid arguments', () => {
    const make = (...given: unknown[]) => Reflect.construct(MaxPool2D, given) as MaxPool2D<number>;
    expectError(
      () => make('2'),
      TypeError,
      'a positive integer or two of them, [rows, columns], for kernelSize',
      '"2"',
    );
    expectError(() => make(0), RangeError, 'for kernelSize', '0');
    expectError(() => make(2, { stride: 0.5 }), RangeError, 'for stride', '0.5');
    expectError(() => make(2, { padding: 2 }), RangeError, 'below kernelSize, 2', 'padding', '2');
    expectError(() => make(2, { padding: '1' }), TypeError, 'padding', '"1"');
    expectError(() => make([2, 3, 4]), TypeError, '[rows, columns], for kernelSize', 'of length 3');
    expectError(() => make([2, 0]), RangeError, 'for kernelSize[1]', '0');
    expectError(() => make([2, 3], { stride: [1, 0.5] }), RangeError, 'for stride[1]', '0.5');
    expectError(() => make([2, 3], { padding: 2 }), RangeError, 'below kernelSize, 2', 'padding', '2');
    expectError(() => make([2, 3], { padding: [0, 3] }), RangeError, 'below kernelSize, 3', 'padding[1]');
    expectError(
      () => make([2, 3], { padding: [0, 0, 2, 0] }),
      RangeError,
      'below kernelSize, 2',
      'padding[2]',
    );
    expectError(() => make(2, { padding: [1] }), TypeError, '[top, left, bottom, right]', 'padding');
    expectError(() => make(2, { dilation: 0 }), RangeError, 'for dilation', '0');
    expectError(() => make(2, { ceilMode: 1 }), TypeError, 'a boolean for ceilMode', '1');
    const read = (changes: object) => () => {
      moduleFromJSON({ ...new MaxPool2D(2, { padding: 1 }).toJSON(), ...changes });
    };
    expectError(read({ kernelSize: [2, 0] }), RangeError, 'json.kernelSize[1]', '0');
    expectError(read({ padding: 2 }), RangeError, 'below kernelSize, 2', 'json.padding');
    expectError(read({ dilation: 'x' }), TypeError, 'json.dilation');
    const forward = (pool: object, x: unknown) => (pool as { forward: Untyped }).forward(x);
    const pool = make(5, { padding: 1 });
    expectError(
      () => forward(pool, Tensor.zeros([1, 2, 9])),
      RangeError,
      'at least 3 x 3 pixels',
      '[1, 2, 9]',
    );
    const dilated = make([1, 3], { dilation: 4, padding: [0, 1] });
    const short = () => forward(dilated, Tensor.zeros([1, 2, 6]));
    expectError(short, RangeError, 'at least 1 x 7 pixels', '[1, 2, 6]');
    expectError(() => forward(pool, Tensor.zeros([4, 4])), RangeError, '[C, H, W]', '[4, 4]');
    expectError(() => forward(pool, 5), TypeError, 'a Tensor for x', '5');
  });
});

describe('AvgPoolGlobal', () => {
  it('returns the mean of each channel', () => {
    const data = values(seeded(5), 2 * 3 * 4 * 5, 1, 2);
    const means = Array.from({ length: 6 }, (_, plane) => {
      return data.slice(plane * 20, plane * 20 + 20).reduce((a, b) => a + b, 0) / 20;
    });
    const y = new AvgPoolGlobal().forward(Tensor.from(data, [2, 3, 4, 5]));
    expect(y.shape).to.deep.equal([2, 3]);
    expectNear(y.data, means, 2e-6);
    const z = new AvgPoolGlobal().clone().forward(Tensor.from(data.slice(0, 60), [3, 4, 5]));
    expect(z.shape).to.deep.equal([3]);
    expectNear(z.data, means.slice(0, 3), 2e-6);
  });

  it('has the gradients that finite differences find', () => {
    const x = Tensor.from(values(seeded(6), 24), [2, 3, 2, 2]);
    const loss = new AvgPoolGlobal();
    checkGradients(
      ([a]) =>
        loss
          .forward(a.reshape([2, 3, 2, 2]))
          .square()
          .sum(),
      [x],
      1e-3,
    );
  });

  it('accepts an empty batch and refuses images without pixels', () => {
    expect(new AvgPoolGlobal().forward(Tensor.zeros([0, 3, 2, 2])).shape).to.deep.equal([0, 3]);
    expectError(
      () => new AvgPoolGlobal().forward(Tensor.zeros([2, 3, 0, 2])),
      RangeError,
      'at least one pixel',
      '[2, 3, 0, 2]',
    );
    const forward = (x: unknown) => (new AvgPoolGlobal().forward as Untyped)(x);
    expectError(() => forward(Tensor.zeros([2, 3])), RangeError, '[C, H, W]', '[2, 3]');
  });
});
