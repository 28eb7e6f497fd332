import {
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  concat,
  Conv2D,
  GeneralizedResidual,
  Linear,
  ReLU,
  Sequential,
  stack,
  Tensor,
  type Shape,
  where,
} from 'batchnorm';
import { MobileNetV2 } from '../../../examples/models/mobilenet-v2.js';
import { ResNet18 } from '../../../examples/models/resnet-18.js';
import { layerCases } from '../../support/layers.js';
import { seeded, values } from '../../support/random.js';

/** A module from one tensor to one tensor whose `parameters()` lists its tensors. */
export interface Model {
  forward(x: Tensor<Shape>): Tensor<Shape>;
  parameters(): readonly (readonly [string, Tensor<Shape>])[];
}

/** A model, a shape of its input with several samples, and whether another number of them is possible. */
export interface ModelCase {
  readonly name: string;
  readonly model: Model;
  readonly shape: Shape;
}

const rng = seeded(7);
const image = [3, 4, 6, 6];
const rows = [3, 4];

/** A user's module with this `forward`. */
class Custom extends BaseModule {
  readonly scale = Tensor.from(values(seeded(4), 4), [4]);
  readonly norm = new BatchNorm2D(4);
  readonly layers = [new Linear(4, 4, { rng }), new Linear(4, 5, { rng })];

  constructor(readonly compute: (self: Custom, x: never) => Tensor<Shape>) {
    super();
  }
  forward(x: Tensor<Shape>): Tensor<Shape> {
    return this.compute(this, x as never);
  }
  normalize(x: Images): Images {
    return this.norm.forward(x as Images4);
  }
}

type Images = Tensor<readonly [number, number, number, number]>;
type Images4 = Tensor<readonly [number, 4, number, number]>;
type Rows = Tensor<readonly [number, 4]>;

/** User-defined modules by what they do. */
const custom: readonly (readonly [string, Shape, (self: Custom, x: never) => Tensor<Shape>])[] = [
  ['batch norm, ReLU', image, (self, x: Images) => self.normalize(x).relu()],
  ['batch norm, sum, ReLU', image, (self, x: Images) => self.normalize(x).add(x.exp()).relu()],
  [
    'batch norm whose result is used twice',
    image,
    (self, x: Images) => {
      const y = self.normalize(x);
      return y.relu().add(y);
    },
  ],
  ['a chain of activations', rows, (_self, x: Rows) => x.tanh().exp().sigmoid().square().sqrt().abs()],
  ['arithmetic', rows, ({ scale }, x: Rows) => x.add(2).mul(scale).sub(x).div(3).maximum(x).minimum(0.25)],
  ['broadcasting', rows, (_self, x: Rows) => x.sub(x.mean({ axes: [1], keepDims: true }) as never)],
  ['clamp and powers', rows, (_self, x: Rows) => x.clamp({ min: -0.5, max: 0.5 }).pow(3).abs().pow(0.5)],
  ['comparisons and a choice', rows, (_self, x: Rows) => where(x.greater(0), x.exp(), x.sub(1))],
  [
    'slices, joins and transposes',
    rows,
    (_self, x: Rows) => {
      const left = x.slice({ axis: 1, end: 2 });
      const right = x.slice({ axis: 1, start: 1, step: 2 });
      return stack([concat([right, left, right], { axis: 1 }), concat([left, left, right], { axis: 1 })], {
        axis: 1,
      }).permute([0, 2, 1]);
    },
  ],
  [
    'reductions',
    image,
    (_self, x: Images) =>
      x
        .sum({ axes: [2, 3] })
        .add(x.max({ axes: [2, 3] }))
        .add(x.mean()),
  ],
  ['indices', rows, (_self, x: Rows) => x.argmax({ axis: 1 })],
  ['softmax', rows, (_self, x: Rows) => x.logSoftmax().exp().add(x.softmax())],
  [
    'a product of two results',
    rows,
    ({ layers }, x: Rows) => layers[0].forward(x).matmul(x.transpose() as never),
  ],
  ['a copy of its input', rows, (_self, x: Rows) => x.clone()],
  ['its input', rows, (_self, x: Rows) => x.reshape([x.shape[0], 2, 2])],
  ['a result of parameters only', rows, ({ scale }, x: Rows) => x.mul(scale.exp().add(1).sqrt())],
  [
    'a constant and a result joined',
    rows,
    (_self, x: Rows) => concat([Tensor.ones([1, 4]), x, Tensor.zeros([2, 4])]),
  ],
  [
    'a loop over its layers',
    rows,
    ({ layers }, x: Rows) => layers.reduce<Tensor<Shape>>((y, layer) => layer.forward(y as never), x),
  ],
];

const block = (inputs: number, outputs: number, stride: number) =>
  new Sequential(
    new GeneralizedResidual(
      new Sequential(
        new Conv2D(inputs, outputs, 3, { stride, padding: 1, bias: false, rng }),
        new BatchNorm2D(outputs),
        new ReLU(),
        new Conv2D(outputs, outputs, 3, { padding: 1, bias: false, rng }),
        new BatchNorm2D(outputs),
      ),
      new Sequential(new Conv2D(inputs, outputs, 1, { stride, bias: false, rng }), new BatchNorm2D(outputs)),
    ),
    new ReLU(),
  );

/** ResNet-8 without its head's width. */
export const resnet8 = (): Model =>
  new Sequential(
    new Conv2D(3, 8, 3, { padding: 1, bias: false, rng }),
    new BatchNorm2D(8),
    new ReLU(),
    block(8, 8, 1),
    block(8, 16, 2),
    block(16, 16, 2),
    new AvgPoolGlobal(),
    new Linear(16, 10, { rng }),
  );

const networks: readonly (readonly [object, Shape])[] = [
  [new Sequential(), rows],
  [resnet8(), [3, 3, 16, 16]],
  [new ResNet18(), [2, 3, 32, 32]],
  [new MobileNetV2(), [2, 3, 32, 32]],
];

/** Every layer of the package, the networks of the examples, and user-defined modules, with arbitrary parameters. */
export function modelCases(): readonly ModelCase[] {
  const all = [
    ...[...layerCases(rng), ...networks].map(([model, shape], i) => ({
      name: `${model.constructor.name} ${i}`,
      model: model as Model,
      shape,
    })),
    ...custom.map(([what, shape, compute]) => ({
      name: `a module that computes ${what}`,
      model: new Custom(compute),
      shape,
    })),
  ];
  for (const { model } of all) randomize(model);
  return all;
}

/** Sets running statistics and parameters of norms to arbitrary values; weights keep their scale. */
export function randomize(model: Model): void {
  for (const [i, [name, tensor]] of model.parameters().entries()) {
    if (name.endsWith('weight')) continue;
    const numbers = values(seeded(i + 1), tensor.data.length);
    tensor.data.set(/[vV]ar$/.test(name) ? numbers.map((each) => each * each + 0.5) : numbers);
  }
}
