import {
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  DataLoader,
  fit,
  Flatten2D,
  type Gradients,
  Linear,
  Sequential,
  Sgd,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { DataParallel, type Group, synchronize } from 'batchnorm/distributed';
import { check, type Equal } from './equal.js';

declare const group: Group;
const net = new Sequential(new BatchNorm2D(1), new Flatten2D(), new Linear(4, 3));
const parallel = await DataParallel.create(net, group, { optimizer: new Sgd() });
const labels = new Uint8Array(8);
const loader = new DataLoader(
  { features: new Float32Array(32), shape: [1, 2, 2], labels },
  { batchSize: 4, dropLast: true },
);

const shard = parallel.shard(loader);
for (const { x, labels: part } of shard) {
  // A rank's part of a batch has any size.
  check<Equal<typeof x, Tensor4D<number, 1, 2, 2>>>();
  check<Equal<typeof part, typeof labels>>();
  const logits = net.forwardMut(x.trace());
  const gradients = parallel.backward(crossEntropyWithLogitsLoss(logits, part), part.length);
  check<Equal<typeof gradients, Gradients>>();
}
const means = parallel.mean({ loss: 1, accuracy: 0.5 }, 4);
check<Equal<typeof means, Readonly<Record<'loss' | 'accuracy', number>>>>();
const count: number = synchronize(net, group);

const options = { loss: crossEntropyWithLogitsLoss, optimizer: new Sgd(), epochs: 1 };
const history = await fit(net, { ...options, data: shard, validation: shard, parallel });
// @ts-expect-error: the group instead of a DataParallel
void fit(net, { ...options, data: shard, parallel: group });
// @ts-expect-error: an array instead of a loader
parallel.shard([]);
declare const table: Tensor2D<8, 3>;
// @ts-expect-error: the loss is a scalar with a tape
parallel.backward(table, 8);
// @ts-expect-error: only DataParallel.create makes one
new DataParallel(group, net);
// @ts-expect-error: a model that cannot be saved
void DataParallel.create({ forward: () => table }, group);
// @ts-expect-error: not a group
synchronize(net, { rank: 0, size: 1 });
void [count, history];
