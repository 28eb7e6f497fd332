import {
  accuracy,
  Adam,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  constantSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  type EpochResult,
  evaluate,
  fit,
  Flatten2D,
  Linear,
  mseLoss,
  type OwnedTape,
  Sequential,
  Sgd,
  summary,
  Tensor,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

declare const bytes: Uint8Array;
declare const floats: Float32Array;

const loader = new DataLoader(
  { features: bytes, shape: [1, 28, 28], labels: bytes },
  { batchSize: 64, dropLast: true },
);
const rest = new DataLoader({ features: bytes, shape: [1, 28, 28], labels: bytes }, { batchSize: 100 });
const net = new Sequential(new Conv2D(1, 8, 3), new BatchNorm2D(8), new Flatten2D(), new Linear(5408, 10));

// The package's losses and metrics are passed as they are.
const history = fit(net, {
  data: loader,
  loss: crossEntropyWithLogitsLoss,
  optimizer: new Sgd(),
  epochs: 2,
  schedule: constantSchedule(0.1),
  validation: rest,
  metrics: { accuracy },
  monitor: 'accuracy',
  earlyStopping: { patience: 2, mode: 'max' },
  onBatch: ({ scores }) => {
    check<Equal<typeof scores.accuracy, number>>();
  },
});
check<Equal<typeof history, Promise<readonly EpochResult<'accuracy'>[]>>>();

// The shapes and labels of the batches reach the functions; the size of a batch may vary.
const own = fit(net, {
  data: loader,
  loss: (outputs, targets) => {
    check<Equal<typeof outputs, Tensor2D<number, 10, OwnedTape>>>();
    check<Equal<typeof targets, Uint8Array>>();
    return crossEntropyWithLogitsLoss(outputs, targets, { labelSmoothing: 0.1 });
  },
  optimizer: new Adam(),
  epochs: 1,
  metrics: {
    error: (outputs, targets) => {
      check<Equal<typeof outputs, Tensor2D<number, 10>>>();
      return 1 - accuracy(outputs, targets);
    },
  },
});
check<Equal<typeof own, Promise<readonly EpochResult<'error'>[]>>>();

// Targets that are tensors, and a module of one's own.
class Table extends BaseModule {
  readonly line = new Linear(4, 2);
  forward(x: Tensor2D<number, 4>) {
    return this.line.forward(x);
  }
  forwardMut(x: Tensor2D<number, 4, OwnedTape>) {
    return this.line.forward(x);
  }
}
const rows = new DataLoader(
  { features: floats, shape: [4], labels: floats, labelShape: [2] },
  { batchSize: 8 },
);
const plain = fit(new Table(), { data: rows, loss: mseLoss, optimizer: new Adam(), epochs: 1 });
check<Equal<typeof plain, Promise<readonly EpochResult[]>>>();

const scores = await evaluate(net, { data: rest, loss: crossEntropyWithLogitsLoss, metrics: { accuracy } });
check<Equal<typeof scores, Readonly<Record<'accuracy' | 'loss', number>>>>();
const measured = await evaluate(net, { data: rest, metrics: { accuracy } });
check<Equal<typeof measured, Readonly<Record<'accuracy', number>>>>();
const lossOnly = await evaluate(new Table(), {
  data: [{ x: Tensor.zeros([2, 4]), labels: 0.5 }],
  loss: (outputs, target) => outputs.sub(target).square().mean(),
});
check<Equal<typeof lossOnly, Readonly<Record<'loss', number>>>>();

declare const images: Iterable<{ x: Tensor4D<number, 3, 28, 28>; labels: Uint8Array }>;
const common = { loss: crossEntropyWithLogitsLoss, optimizer: new Sgd(), epochs: 1 };
// @ts-expect-error: three channels instead of one
void fit(net, { ...common, data: images });
// @ts-expect-error: three channels instead of one
void evaluate(net, { data: images, metrics: { accuracy } });
const twoColumns = [{ x: Tensor.zeros([8, 1, 28, 28]), labels: Tensor.zeros([8, 2]) }];
// @ts-expect-error: outputs of 10 columns, targets of 2
void fit(net, { ...common, data: twoColumns, loss: mseLoss });
const tenColumns = [{ x: Tensor.zeros([8, 1, 28, 28]), labels: Tensor.zeros([8, 10]) }];
void fit(net, { ...common, data: tenColumns, loss: mseLoss });
// @ts-expect-error: a metric that does not exist
void fit(net, { ...common, data: loader, metrics: { accuracy }, monitor: 'acuracy' });
// @ts-expect-error: no optimizer
void fit(net, { data: loader, loss: crossEntropyWithLogitsLoss, epochs: 1 });
// @ts-expect-error: a loss that is not a scalar
void fit(net, { ...common, data: loader, loss: (outputs) => outputs });
// @ts-expect-error: no score without loss and metrics
check<Equal<(typeof measured)['loss'], number>>();

summary(net, [1, 1, 28, 28]);
// @ts-expect-error: three channels instead of one
summary(net, [1, 3, 28, 28]);
