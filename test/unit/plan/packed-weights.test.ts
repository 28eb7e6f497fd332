import { BaseModule, compile, Conv2D, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { operationsOf } from './operations.js';

type Image = Tensor<[number, number, number, number]>;

interface Compiled {
  readonly operations: readonly string[];
  readonly memory: { readonly weights: number };
  runSync(x: Tensor<Shape>): Tensor<Shape>;
}

type AnyConv = ReturnType<typeof conv>;

const rng = seeded(5);
const conv = (inputs: number, outputs: number, stride = 1) =>
  new Conv2D(inputs, outputs, 3, { stride, padding: 1, rng });

/** A module that computes any function with two convolutions. */
class Custom extends BaseModule {
  constructor(
    readonly first: AnyConv,
    readonly second: AnyConv,
    readonly compute: (first: (x: Image) => Image, second: (x: Image) => Image, x: Image) => Image,
  ) {
    super();
  }
  forward(x: Image): Image {
    const call = (layer: AnyConv) => (input: Image) => layer.forward(input) as Image;
    return this.compute(call(this.first), call(this.second), x);
  }
}

function imagesOf(...shape: [number, number, number, number]): Image {
  const length = shape.reduce((product, size) => product * size, 1);
  return Tensor.from(values(seeded(2), length, 1, 0), shape);
}

const compiled = (model: Custom, shape: Shape) => compile(model as never, shape) as unknown as Compiled;

function expectBits(model: Custom, x: Image, operations: readonly string[]): Compiled {
  const plan = compiled(model, x.shape);
  expect(operationsOf(plan)).to.deep.equal(operations);
  const [actual, expected] = [plan.runSync(x), model.forward(x)];
  expect(actual.shape).to.deep.equal(expected.shape);
  const bits = ({ data }: Tensor<Shape>) => new Uint32Array(data.buffer, data.byteOffset, data.length);
  expect(bits(actual)).to.deep.equal(bits(expected));
  return plan;
}

describe('the packed weights of a plan', () => {
  it('are packed for each size of images that a layer is used with', () => {
    // The backend may choose another order for rows of 7 pixels than for rows of 3.
    const model = new Custom(conv(30, 64), conv(1, 1), (first, _, x) =>
      first(x).add(first(x.transpose(2, 3) as Image).transpose(2, 3) as Image),
    );
    const twice = ['conv2dInference', 'stridedCopy', 'conv2dInference', 'stridedCopy', 'add'];
    expectBits(model, imagesOf(2, 30, 3, 7), twice);
    expectBits(model, imagesOf(2, 30, 7, 3), twice);
  });

  it('are shared by all batch sizes', () => {
    const x = imagesOf(3, 4, 9, 9);
    const model = new Custom(conv(4, 8), conv(8, 8), (first, second, image) => second(first(image)));
    const plan = expectBits(model, x, ['conv2dInference', 'conv2dInference']);
    const { weights } = plan.memory;
    plan.runSync(imagesOf(1, 4, 9, 9));
    expect(plan.memory.weights).to.equal(weights);
  });

  it('let a convolution add a residual and apply a ReLU, unless something else reads its result', () => {
    const x = imagesOf(2, 4, 9, 15);
    const both = new Custom(conv(4, 4), conv(4, 4), (first, second, image) =>
      second(first(image).relu()).add(image).relu(),
    );
    expectBits(both, x, ['conv2dInference', 'conv2dInference']);
    // The residual is computed after the convolution that it is added to.
    const late = new Custom(conv(4, 4), conv(4, 4), (first, second, image) =>
      first(image).add(second(image)).relu(),
    );
    expectBits(late, x, ['conv2dInference', 'conv2dInference']);
    const strided = new Custom(conv(4, 6, 2), conv(4, 6, 2), (first, second, image) => {
      const y = first(image);
      return y.relu().sub(y.add(second(image)).relu());
    });
    const [first, second] = ['conv2dInference', 'conv2dInference'];
    expectBits(strided, x, [first, 'relu', second, 'add', 'relu', 'sub']);
    // Without the ReLU, or with a row instead of a whole residual, the sum remains a separate operation.
    const sum = new Custom(conv(4, 4), conv(4, 4), (layer, _, image) => layer(image).add(image));
    expectBits(sum, x, ['conv2dInference', 'add']);
    const row = new Custom(
      conv(4, 4),
      conv(4, 4),
      (layer, _, image) =>
        (layer(image) as Tensor<Shape>)
          .add(Tensor.from(new Float32Array(15).fill(0.5), [15]))
          .relu() as Image,
    );
    expectBits(row, x, ['conv2dInference', 'add', 'relu']);
  });
});
