import {
  BaseModule,
  BatchNorm1D,
  BatchNorm2D,
  compile,
  Conv1D,
  Conv2D,
  ConvTranspose2D,
  FrozenBatchNorm2D,
  Linear,
  Sequential,
  type Shape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { MobileNetV2 } from '../../../examples/models/mobilenet-v2.js';
import { ResNet18 } from '../../../examples/models/resnet-18.js';
import { seeded, values } from '../../support/random.js';
import { foldFields, handFolded } from './hand-folded.js';
import { type Model, randomize } from './models.js';
import { operationsOf } from './operations.js';

type Run = (x: Tensor<Shape>) => Tensor<Shape>;

/** The fields of the modules below, typed as functions so that each case may use any of them. */
interface Layers {
  conv: { forward: Run };
  norm: { forward: Run; forwardRelu: (x: Tensor<Shape>, residual?: Tensor<Shape>) => Tensor<Shape> };
  other: { forward: Run };
}

const rng = seeded(3);

/** A user's module that holds a layer, a norm and another layer. */
class Custom extends BaseModule {
  constructor(
    readonly conv: unknown,
    readonly norm: unknown,
    readonly other: unknown,
    readonly compute: (layers: Layers, x: Tensor<Shape>) => Tensor<Shape>,
  ) {
    super();
    randomize(this);
  }
  forward(x: Tensor<Shape>): Tensor<Shape> {
    return this.compute(this as unknown as Layers, x);
  }
}

interface Compiled {
  readonly operations: readonly string[];
  readonly memory: { readonly weights: number };
  runSync: Run;
  update(model: object): void;
}

const compiled = (model: object, shape: Shape) => compile(model as never, shape) as unknown as Compiled;

function inputOf(shape: Shape): Tensor<Shape> {
  return Tensor.from(
    values(
      seeded(11),
      shape.reduce((product, size) => product * size, 1),
    ),
    shape,
  );
}

function bitsOf({ data }: Tensor<Shape>): number[] {
  return [...new Uint32Array(data.buffer, data.byteOffset, data.length)];
}

/** The largest difference, as a fraction of the largest value. */
function difference(actual: Tensor<Shape>, expected: Tensor<Shape>): number {
  const largest = Math.max(...expected.data.map(Math.abs));
  return Math.max(...actual.data.map((each, i) => Math.abs(each - expected.data[i]))) / largest;
}

const image = [2, 3, 7, 6];
const conv = (bias = false, groups = 1) => new Conv2D(3, 6, 3, { stride: 2, padding: 1, bias, groups, rng });

const folded: readonly (readonly [string, Custom, Shape, readonly string[]])[] = [
  [
    'a convolution and a batch norm',
    new Custom(conv(), new BatchNorm2D(6, { epsilon: 0.25 }), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)),
    ),
    image,
    ['conv2dInference'],
  ],
  [
    'a convolution with a bias and groups, and a frozen batch norm',
    new Custom(conv(true, 3), new FrozenBatchNorm2D(6), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)).tanh(),
    ),
    image,
    ['conv2dInference', 'tanh'],
  ],
  [
    'a batch norm without parameters and a ReLU',
    new Custom(conv(true), new BatchNorm2D(6, { affine: false }), 0, ({ conv, norm }, x) =>
      norm.forwardRelu(conv.forward(x)),
    ),
    image,
    ['conv2dInference'],
  ],
  [
    'a batch norm, a sum and a ReLU',
    new Custom(conv(), new BatchNorm2D(6), conv(true), ({ conv, norm, other }, x) => {
      const y = conv.forward(x);
      return norm.forwardRelu(y, other.forward(x));
    }),
    image,
    ['conv2dInference', 'conv2dInference'],
  ],
  [
    'a convolution of signals',
    new Custom(new Conv1D(3, 4, 3, { rng }), new BatchNorm1D(4), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)),
    ),
    [2, 3, 9],
    ['conv2dInference'],
  ],
  [
    'a linear layer',
    new Custom(new Linear(5, 4, { rng }), new BatchNorm1D(4), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)),
    ),
    [3, 5],
    ['matmul', 'add'],
  ],
  [
    'a linear layer without a bias, a sum and a ReLU',
    new Custom(
      new Linear(5, 4, { bias: false, rng }),
      new BatchNorm1D(4),
      new Linear(5, 4, { rng }),
      ({ conv, norm, other }, x) => norm.forwardRelu(conv.forward(x), other.forward(x)),
    ),
    [3, 5],
    ['matmul', 'matmul', 'add', 'add', 'add', 'relu'],
  ],
];

const kept: readonly (readonly [string, Custom, Shape, readonly string[]])[] = [
  [
    'a result that is read twice',
    new Custom(conv(), new BatchNorm2D(6), 0, ({ conv, norm }, x) => {
      const y = conv.forward(x);
      return norm.forward(y).add(y as never);
    }),
    image,
    ['conv2dInference', 'batchNormInference', 'add'],
  ],
  [
    'a result that is also the sum behind the batch norm',
    new Custom(conv(), new BatchNorm2D(6), 0, ({ conv, norm }, x) => {
      const y = conv.forward(x);
      return norm.forwardRelu(y, y);
    }),
    image,
    ['conv2dInference', 'batchNormInference'],
  ],
  [
    'statistics that depend on the input',
    new Custom(conv(), new BatchNorm2D(6), 0, ({ conv, norm }, x) => {
      const y = conv.forward(x);
      const fields = norm as unknown as { runningMean: Tensor<Shape> };
      const { runningMean } = fields;
      fields.runningMean = x.mean({ axes: [0, 1, 2] } as never);
      try {
        return norm.forward(y);
      } finally {
        fields.runningMean = runningMean;
      }
    }),
    image,
    ['conv2dInference', 'sumAxis', 'batchNormInference'],
  ],
  [
    'a batch norm over the last axis',
    new Custom(conv(), new BatchNorm2D(3, { channelsLast: true }), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)),
    ),
    image,
    ['conv2dInference', 'batchNormInference'],
  ],
  [
    'a batch norm over another axis of a linear layer',
    new Custom(new Linear(5, 4, { rng }), new BatchNorm1D(2), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x).reshape([3, 2, 2])),
    ),
    [3, 5],
    ['matmul', 'add', 'batchNormInference'],
  ],
  [
    'a transposed convolution',
    new Custom(new ConvTranspose2D(3, 6, 3, { rng }), new BatchNorm2D(6), 0, ({ conv, norm }, x) =>
      norm.forward(conv.forward(x)),
    ),
    image,
    ['conv2dInputGradient', 'batchNormInference'],
  ],
  [
    'a sum that adds another tensor than a bias',
    new Custom(
      new Linear(5, 4, { bias: false, rng }),
      new BatchNorm1D(4),
      new Linear(5, 4, { bias: false, rng }),
      ({ conv, norm, other }, x) => norm.forward(conv.forward(x).add(other.forward(x) as never)),
    ),
    [3, 5],
    ['matmul', 'matmul', 'add', 'batchNormInference'],
  ],
  [
    'a sum that adds a row of its own to each sample',
    new Custom(
      new Linear(5, 4, { bias: false, rng }),
      new BatchNorm1D(4),
      Tensor.from(values(seeded(8), 12), [3, 4]),
      ({ conv, norm, other }, x) => norm.forward(conv.forward(x).add(other as never)),
    ),
    [3, 5],
    ['matmul', 'add', 'batchNormInference'],
  ],
];

describe('a plan of a user-defined module', () => {
  for (const [what, model, shape, operations] of folded) {
    it(`folds ${what}, bit-identical to folded layers`, () => {
      const plan = compiled(model, shape);
      expect(operationsOf(plan)).to.deep.equal(operations);
      const reference = model.clone();
      foldFields(reference as unknown as Record<string, unknown>, 'conv', 'norm');
      const x = inputOf(shape);
      const y = plan.runSync(x);
      expect(bitsOf(y)).to.deep.equal(bitsOf(reference.forward(x)));
      expect(difference(y, model.forward(x))).to.be.below(2e-6);
    });
  }

  for (const [what, model, shape, operations] of kept) {
    it(`does not fold ${what}`, () => {
      const plan = compiled(model, shape);
      expect(operationsOf(plan)).to.deep.equal(operations);
      const x = inputOf(shape);
      expect(bitsOf(plan.runSync(x))).to.deep.equal(bitsOf(model.forward(x)));
    });
  }

  it('folds each use of a convolution with the batch norm behind it', () => {
    const model = new Custom(conv(), new BatchNorm2D(6), new BatchNorm2D(6), ({ conv, norm, other }, x) =>
      norm.forward(conv.forward(x)).sub(other.forward(conv.forward(x)) as never),
    );
    const plan = compiled(model, image);
    expect(operationsOf(plan)).to.deep.equal(['conv2dInference', 'conv2dInference', 'sub']);
    const x = inputOf(image);
    expect(difference(plan.runSync(x), model.forward(x))).to.be.below(5e-6);
  });

  it('folds once where a batch norm follows that fold() has folded', () => {
    const model = new Sequential(conv(), new BatchNorm2D(6), new BatchNorm2D(6));
    expect(operationsOf(compiled(model, image))).to.deep.equal(['conv2dInference', 'batchNormInference']);
  });

  it('computes folded weights once for all batch sizes, and again for an update', () => {
    const [[, model, shape]] = folded;
    const plan = compiled(model, shape);
    const { weights } = plan.memory;
    // The parameters, the weights and the bias of the convolution that replaces them, and the same weights as the backend
    // packs them: for each channel at least.
    const own = 6 * 27;
    const unpacked = 4 * (own + 4 * 6 + own + 6);
    expect(weights).to.be.within(unpacked + 4 * own, unpacked + 4 * 64 * 27);
    plan.runSync(inputOf([1, ...shape.slice(1)]));
    expect(plan.memory.weights).to.equal(weights);
    const other = model.clone();
    for (const [, tensor] of other.parameters()) tensor.data.forEach((each, i, all) => (all[i] = each * 1.5));
    plan.update(other);
    const x = inputOf(shape);
    expect(difference(plan.runSync(x), other.forward(x))).to.be.below(2e-6);
    expect(difference(plan.runSync(x), model.forward(x))).to.be.above(0.01);
  });

  for (const model of [new ResNet18(10), new MobileNetV2(10)]) {
    it(`folds every batch norm of ${model.constructor.name}`, () => {
      randomize(model);
      const shape = [2, 3, 32, 32];
      const plan = compiled(model, shape);
      expect(plan.operations).not.to.include('batchNormInference');
      const x = inputOf(shape);
      const y = plan.runSync(x);
      expect(bitsOf(y)).to.deep.equal(bitsOf(handFolded(model).forward(x)));
      expect(difference(y, (model as unknown as Model).forward(x))).to.be.below(1e-5);
    });
  }
});
