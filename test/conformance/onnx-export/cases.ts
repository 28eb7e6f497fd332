import {
  AvgPool2D,
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  concat,
  Conv1D,
  Conv2D,
  ConvTranspose2D,
  GeneralizedResidual,
  type InferringLayer,
  Ln,
  MaxPool2D,
  type RandomSource,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  Sqrt,
  Square,
  stack,
  Tensor,
  where,
} from 'batchnorm';
import { layerCases } from '../../support/layers.js';
import { seeded } from '../../support/random.js';
import { exampleNetworks } from './example-networks.js';

/** A network to export, and the shape of its input. */
export interface ExportCase {
  readonly name: string;
  readonly model: InferringLayer;
  readonly input: Shape;
  /** Whether it does the same for batches of other sizes; true if undefined. */
  readonly dynamic?: boolean;
}

type Any = Tensor<Shape>;

/** A module that computes by operations of tensors. */
class Operations extends BaseModule {
  readonly weight: Any;

  constructor(
    private readonly compute: (x: Any, weight: Any) => Any,
    weightShape: Shape,
    rng: RandomSource,
  ) {
    super();
    this.weight = Tensor.randn(weightShape, { rng });
  }

  forward(x: Any): Any {
    return this.compute(x, this.weight);
  }
}

/** Gives the parameters and running statistics of a network values that tell it from others. */
export function randomize<M extends InferringLayer>(model: M, rng: RandomSource): M {
  for (const [name, tensor] of (model as unknown as BaseModule).parameters()) {
    if (!/(scale|bias|runningMean|runningVar)$/.test(name)) continue;
    const isPositive = /(scale|runningVar)$/.test(name);
    tensor.data.set(Array.from(tensor.data, () => (isPositive ? 0.5 + rng() : rng() - 0.5)));
  }
  return model;
}

const image: Shape = [2, 4, 9, 8];

/** A layer whose results are numbers for any input. */
function inDomain(layer: InferringLayer): InferringLayer {
  if (layer instanceof Ln || layer instanceof Sqrt) return new Sequential(new Square(), layer);
  return layer;
}

/** Every layer of the package, compositions, operations of tensors, and the networks of examples/. */
export async function exportCases(): Promise<readonly ExportCase[]> {
  const rng = seeded(11);
  const of = (name: string, model: InferringLayer, input: Shape, dynamic?: boolean): ExportCase => ({
    ...{ name, model: randomize(model, rng), input },
    ...(dynamic === undefined ? {} : { dynamic }),
  });
  const operation = (
    name: string,
    input: Shape,
    weight: Shape,
    compute: (x: Any, weight: Any) => Any,
    dynamic?: boolean,
  ) => of(name, new Operations(compute, weight, rng), input, dynamic);
  const residual = new Sequential(new Conv2D(4, 4, 3, { padding: 1, bias: false, rng }), new BatchNorm2D(4));
  return [
    ...layerCases(rng).map(([layer, shape], i) =>
      of(`${i} ${layer.constructor.name}`, inDomain(layer), shape),
    ),
    // Without the axis of samples.
    of('Conv1D of one signal', new Conv1D(4, 6, 3, { dilation: 2, rng }), [4, 9], false),
    of('Conv2D of one image', new Conv2D(4, 6, 3, { padding: 'same', rng }), [4, 9, 8], false),
    of('MaxPool2D of one image', new MaxPool2D(2), [4, 9, 8], false),
    of('AvgPoolGlobal of one image', new AvgPoolGlobal(), [4, 9, 8], false),
    of('BatchNorm2D of one image', new BatchNorm2D(4), [4, 9, 8], false),
    // Other combinations of options than those of each layer by itself.
    of('Conv2D with stride', new Conv2D(4, 6, 3, { stride: 2, bias: false, rng }), image),
    of('ConvTranspose2D without groups', new ConvTranspose2D(4, 2, 3, { stride: 2, padding: 1, rng }), image),
    of('MaxPool2D with padding', new MaxPool2D(3, { stride: 2, padding: 1 }), image),
    of(
      'AvgPool2D with all options',
      new AvgPool2D([3, 2], {
        stride: [2, 1],
        padding: [2, 1, 0, 1],
        ceilMode: true,
        countIncludePad: false,
      }),
      image,
    ),
    of('Residual', new Sequential(new Residual(residual), new ReLU()), image),
    of('GeneralizedResidual', new GeneralizedResidual(residual.clone(), new Conv2D(4, 4, 1, { rng })), image),
    operation('arithmetic', image, [4, 1, 1], (x, w) =>
      x.add(w).mul(2).sub(x.square()).div(w.square().add(1)),
    ),
    operation('broadcast of rows', [3, 5], [5], (x, w) => x.mul(w).add(w).maximum(0.1).minimum(w)),
    operation('broadcast of both', [3, 1], [5], (x, w) => x.add(w)),
    operation('where and comparisons', [3, 5], [5], (x, w) =>
      where(x.less(w), x, where(x.greaterEqual(0.5), x.notEqual(w), x.equal(w))).add(x.lessEqual(w)),
    ),
    operation('reductions', image, [1], (x) =>
      x.sum({ axes: [1, 3] }).add(
        x
          .mean({ axes: [2], keepDims: true })
          .mean({ axes: [1, 2, 3] })
          .reshape([-1, 1]),
      ),
    ),
    operation('extrema', image, [1], (x) =>
      x.max({ axes: [2, 3] }).add(
        x
          .min({ axes: [1] })
          .min({ axes: [1, 2] })
          .reshape([-1, 1]),
      ),
    ),
    operation('argmax', image, [1], (x) => x.argmax({ axis: 1 }).add(x.argmin({ axis: 1 }))),
    operation('permute', image, [1], (x) => x.permute([0, 2, 3, 1]).transpose(1, 2)),
    operation('matmul', [3, 6], [6, 4], (x, w) => x.matmul(w)),
    operation('slice', image, [1], (x) =>
      x.slice({ axis: 1, start: 1, end: 3 }).slice({ axis: 3, start: 1, step: 3 }),
    ),
    operation('slice after reshape', image, [1], (x) =>
      x.reshape([x.shape[0], 2, 2, 72]).slice({ axis: 2, start: 1 }).reshape([x.shape[0], 144]),
    ),
    operation('concat', image, [1], (x) =>
      concat([x, x.square(), x.slice({ axis: 1, start: 2 })], { axis: 1 }),
    ),
    operation('stack', [3, 5], [5], (x, w) => stack([x, x.mul(w)], { axis: 1 })),
    operation('channel shuffle', image, [1], (x) =>
      x.reshape([x.shape[0], 2, 2, 9, 8]).permute([0, 2, 1, 3, 4]).reshape([x.shape[0], 4, 9, 8]),
    ),
    operation('functions', [3, 5], [5], (x) =>
      x
        .abs()
        .pow(1.5)
        .add(x.clamp({ min: -0.5, max: 0.5 }))
        .logSoftmax(),
    ),
    ...(await exampleNetworks(rng)).map(([name, model, input]) => of(name, model, input)),
  ];
}
