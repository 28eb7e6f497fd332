import { backward, type OwnedTape, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

type Taped = Tensor<readonly [number, number], OwnedTape>;

/** Rows of 4,096 values: 40 of them are several times the chunk of a thread. */
const [rows, columns] = [40, 4096];
const x = values(seeded(1), rows * columns, 0.9, 1); // positive, for the logarithm and the root
const right = Tensor.from(values(seeded(2), rows * columns, 1, 2), [rows, columns]);
const row = Tensor.from(values(seeded(3), columns, 1, 2), [columns]);
const dy = values(seeded(4), rows * columns);

/** Row-wise operations; `at` selects the part of the right operand for the given rows. */
const operations: Readonly<
  Record<string, (x: Taped, at: Tensor<readonly [number, number]>) => Tensor<Shape, OwnedTape>>
> = {
  exp: (a) => a.exp(),
  log: (a) => a.log(),
  sqrt: (a) => a.sqrt(),
  square: (a) => a.square(),
  relu: (a) => a.sub(1).relu(),
  leakyRelu: (a) => a.sub(1).leakyRelu(0.1),
  sigmoid: (a) => a.sigmoid(),
  tanh: (a) => a.tanh(),
  gelu: (a) => a.sub(1).gelu(),
  silu: (a) => a.sub(1).silu(),
  abs: (a) => a.sub(1).abs(),
  sin: (a) => a.sin(),
  cos: (a) => a.cos(),
  softmax: (a) => a.softmax(),
  logSoftmax: (a) => a.logSoftmax(),
  'add a tensor': (a, at) => a.add(at),
  'sub a tensor': (a, at) => a.sub(at),
  'mul a tensor': (a, at) => a.mul(at),
  'div a tensor': (a, at) => a.div(at),
  'mul a row': (a) => a.mul(row),
  'div a row': (a) => a.div(row),
  'mul a number': (a) => a.mul(1.7),
  'div a number': (a) => a.div(1.7),
};

/** Result and gradient of the rows from `begin` to `end`. */
function run(operation: (typeof operations)[string], begin: number, end: number) {
  const part = (source: Float32Array) =>
    Tensor.from(source.subarray(begin * columns, end * columns), [end - begin, columns]);
  const input = part(x);
  const y = operation(input.trace(), part(right.data));
  const gradients = backward((y as Taped).mul(part(dy)).sum(), { keep: [y] });
  return { y: y.data, dx: gradients.get(input)?.data ?? new Float32Array(0) };
}

describe('the sum and the mean of many values', () => {
  for (const length of [rows * columns, rows * columns - 1, 32 * 1024 + 1]) {
    it(`are those in float64, of ${length} values`, () => {
      const source = x.subarray(0, length);
      const expected = source.reduce((sum, value) => sum + value, 0);
      const tensor = Tensor.from(source, [length]);
      expect(tensor.sum().item()).to.be.closeTo(expected, 1e-6 * expected);
      expect(tensor.mean().item()).to.be.closeTo(expected / length, 1e-6);
      // The gradient of one value that is multiplied with all of them.
      const one = Tensor.from([2], []);
      expect(backward(tensor.mul(one.trace()).sum()).get(one)?.item()).to.be.closeTo(
        expected,
        1e-6 * expected,
      );
    });
  }
});

describe('an operation shared by threads is bit-identical to its rows computed one by one:', () => {
  for (const [name, operation] of Object.entries(operations)) {
    it(name, () => {
      const whole = run(operation, 0, rows);
      expect(whole.dx).to.have.length(rows * columns);
      for (let i = 0; i < rows; i++) {
        const { y, dx } = run(operation, i, i + 1);
        const inside = [i * columns, (i + 1) * columns] as const;
        expect(whole.y.subarray(...inside), `y of row ${i}`).to.deep.equal(y);
        expect(whole.dx.subarray(...inside), `dx of row ${i}`).to.deep.equal(dx);
      }
    });
  }
});
