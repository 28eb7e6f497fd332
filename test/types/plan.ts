// The types of compiled plans and of the batcher.
import {
  BaseModule,
  Batcher,
  BatchNorm2D,
  type CallSignal,
  compile,
  Conv2D,
  Flatten2D,
  Linear,
  type OwnedTape,
  type Plan,
  type PlanOf,
  ReLU,
  Sequential,
  type Shape,
  Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

// As in the types of Node and of browsers, which a program need not have.
declare const signal: CallSignal;
declare const controller: { readonly signal: CallSignal; abort(): void };

const net = new Sequential(
  new Conv2D(3, 4, 3),
  new BatchNorm2D(4),
  new ReLU(),
  new Flatten2D(),
  new Linear(144, 10),
);
const plan = compile(net, [16, 3, 8, 8]);

// Any batch size; the other sizes are known.
check<Equal<typeof plan.inputShape, readonly [number, 3, 8, 8]>>();
check<Equal<typeof plan.outputShape, readonly [number, 10]>>();
check<Equal<typeof plan, PlanOf<typeof net, readonly [16, 3, 8, 8]>>>();
const y = plan.runSync(Tensor.zeros([2, 3, 8, 8]));
check<Equal<typeof y, Tensor2D<number, 10>>>();
declare const n: number;
const promise = plan.run(Tensor.zeros([n, 3, 8, 8]), { signal });
check<Equal<typeof promise, Promise<Tensor2D<number, 10>>>>();
plan.runSync(Tensor.zeros([2, 3, 8, 8]), { out: Tensor.zeros([2, 10]) });
plan.update(net.clone());
const unknown: Plan<Shape, Shape> = compile(net, [n, 3, 8, 8]) as never;
check<Equal<typeof unknown.outputShape, Shape>>();
check<Equal<typeof plan.batchSizes, readonly number[]>>();
check<Equal<typeof plan.memory.arena, number>>();

// @ts-expect-error: 4 channels
compile(net, [16, 4, 8, 8]);
// @ts-expect-error: no batch
compile(net, [3, 8, 8]);
// @ts-expect-error: a misspelled option
compile(net, [16, 3, 8, 8], { batchSize: 4 });
// @ts-expect-error: one batch size
compile(net, [16, 3, 8, 8], { batchSizes: 4 });
// @ts-expect-error: no module
compile({}, [16, 3, 8, 8]);
// @ts-expect-error: 4 channels
plan.runSync(Tensor.zeros([2, 4, 8, 8]));
// @ts-expect-error: a single image
plan.runSync(Tensor.zeros([3, 8, 8]));
// @ts-expect-error: a tape
plan.runSync(Tensor.zeros([2, 3, 8, 8]).trace());
// @ts-expect-error: a tape
void plan.run(Tensor.zeros([2, 3, 8, 8]).trace());
// @ts-expect-error: 11 is not 10
plan.runSync(Tensor.zeros([2, 3, 8, 8]), { out: Tensor.zeros([2, 11]) });
// @ts-expect-error: runSync cannot be stopped
plan.runSync(Tensor.zeros([2, 3, 8, 8]), { signal });
// @ts-expect-error: a controller is no signal
void plan.run(Tensor.zeros([2, 3, 8, 8]), { signal: controller });
// @ts-expect-error: plans are made by compile
new Plan();
// @ts-expect-error: read-only
plan.concurrency = 2;

// A user-defined module has the shapes of its forward.
class Head extends BaseModule {
  readonly linear = new Linear(6, 2);
  forward(x: Tensor2D<number, 6>): Tensor2D<number, 2> {
    return this.linear.forward(x);
  }
  forwardMut(x: Tensor2D<number, 6, OwnedTape>): Tensor2D<number, 2, OwnedTape> {
    return this.linear.forward(x);
  }
}
const head = compile(new Head(), [4, 6]);
const logits = head.runSync(Tensor.zeros([1, 6]));
const shown: Tensor2D<number, 2> = logits;
void shown;
// @ts-expect-error: 7 is not 6
head.runSync(Tensor.zeros([1, 7]));

// A sample has no batch.
const batcher = new Batcher(plan, { maxBatch: 8, maxDelay: 1, maxQueue: 100 });
const one = batcher.run(Tensor.zeros([3, 8, 8]));
check<Equal<typeof one, Promise<Tensor1D<10>>>>();
const images: Tensor4D<number, 3, 8, 8> = Tensor.zeros([n, 3, 8, 8]);
// @ts-expect-error: a batch
void batcher.run(images);
// @ts-expect-error: 4 channels
void batcher.run(Tensor.zeros([4, 8, 8]));
// @ts-expect-error: a model is no plan
new Batcher(net);
// @ts-expect-error: a misspelled option
new Batcher(plan, { maxDelays: 1 });
check<Equal<typeof batcher.statistics.latency.p99, number>>();
check<Equal<typeof batcher.statistics.batchSizes, readonly number[]>>();
