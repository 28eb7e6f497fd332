// One rank of bench/distributed.mjs: trains ResNet-8 on its part of each batch of 64, and prints what rank 0 measured as one
// line of JSON. The command line, or workerData, has the number of steps; the command line can also have a part of the whole:
// 'alone' for one process without DataParallel; 'group' for one with half the batch; 'exchange' for the same with synchronized
// batch norm, whose peer repeats the values; 'synchronization' for two ranks that only add up their gradients.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { backward, crossEntropyWithLogitsLoss, Sgd, Tensor } from '../../dist/index.js';
import { connect, DataParallel, synchronize } from '../../dist/distributed.js';
import { median } from '../resnet/median.mjs';
import { classes, resnet8 } from '../resnet/network.mjs';

const images = 64;
// As in bench/resnet/compare.mjs: V8 needs a hundred steps to compile our code.
const warmUp = 100;
/** Doubles in a message of a synchronization: 64 channels. */
const synchronized = 129;
const mebibyte = 2 ** 20;

const steps = Number(isMainThread ? process.argv[2] : workerData);
const part = isMainThread ? process.argv[3] : undefined;
const group = await connect();
const timed = timedGroup(group);
const net = resnet8();
const sgd = new Sgd({ lr: 0.01 });
const parallel = await DataParallel.create(net, timed.group, {
  synchronizeBatchNorm: part !== 'synchronization',
});
if (part === 'exchange') synchronize(net, repeatingGroup());
const isAlone = part === 'alone' || part === 'exchange' || part === 'group';
const ranks = part === 'exchange' || part === 'group' ? 2 : group.size;
const own = Math.floor(images / ranks) + (group.rank < images % ranks ? 1 : 0);
const x = Tensor.randn([own, 3, 32, 32]);
const labels = Int32Array.from({ length: own }, (_, i) => i % classes);

const times = [];
const waits = [];
for (let step = 0; step < warmUp + steps; step++) {
  group.barrier();
  timed.reset();
  const begin = performance.now();
  const loss = crossEntropyWithLogitsLoss(net.forwardMut(x.trace({ gradient: false })), labels);
  sgd.update(net, isAlone ? backward(loss) : parallel.backward(loss, own));
  if (step < warmUp) continue;
  times.push(performance.now() - begin);
  waits.push(timed.milliseconds());
}
// Allocated once: the page faults of a new array take as long as the sum.
const summed = new Float32Array(mebibyte / 4);
const result = {
  milliseconds: median(times),
  waiting: median(waits),
  calls: timed.calls(),
  doubles: timed.doubles(),
  parameters: net
    .parameters()
    .reduce((sum, [, { shape }]) => sum + shape.reduce((n, size) => n * size, 1), 0),
  latency: perCall(500, () => group.allGather(new Float64Array(synchronized))),
  sumOfMebibyte: perCall(20, () => group.sum(summed)),
};
if (group.rank === 0) {
  if (parentPort === null) console.log(JSON.stringify(result));
  else parentPort.postMessage(result);
}
group.close();

/** Median milliseconds of a call. */
function perCall(count, call) {
  return median(
    Array.from({ length: count }, () => {
      const begin = performance.now();
      call();
      return performance.now() - begin;
    }),
  );
}

/** A group of two whose other rank has the same values as this one. */
function repeatingGroup() {
  return {
    rank: 0,
    size: 2,
    allGather(values) {
      const all = new values.constructor(2 * values.length);
      all.set(values);
      all.set(values, values.length);
      return all;
    },
    sum(values) {
      for (let i = 0; i < values.length; i++) values[i] *= 2;
    },
    broadcast: () => undefined,
    barrier: () => undefined,
  };
}

/** A group that measures its calls: their number, the doubles of gathers, and the time in them, waiting included. */
function timedGroup(inner) {
  let [total, count, doubles] = [0, 0, 0];
  const measured =
    (name) =>
    (...args) => {
      const begin = performance.now();
      const result = inner[name](...args);
      total += performance.now() - begin;
      count++;
      if (args[0] instanceof Float64Array) doubles += args[0].length;
      return result;
    };
  const calls = Object.fromEntries(
    ['allGather', 'sum', 'broadcast', 'barrier'].map((name) => [name, measured(name)]),
  );
  const asynchronous = Object.fromEntries(
    ['allGatherAsync', 'broadcastAsync', 'barrierAsync'].map((name) => [
      name,
      (...args) => inner[name](...args),
    ]),
  );
  return {
    group: { rank: inner.rank, size: inner.size, ...calls, ...asynchronous },
    reset: () => ([total, count, doubles] = [0, 0, 0]),
    milliseconds: () => total,
    calls: () => count,
    doubles: () => doubles,
  };
}
