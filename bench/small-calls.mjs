// node --expose-gc bench/small-calls.mjs: nanoseconds of calls on a few elements, dominated by Node-API, argument checks,
// look-ups and recording on the tape. Interleaved, fastest and median of the rounds; with --expose-gc also the bytes of
// JavaScript heap that a call allocates.
import { backend as info, backward, BatchNorm2D, Sgd, Tensor } from '../dist/index.js';
import { backend } from '../dist/backend/index.js';
import { batchNormInference } from '../dist/raw.js';

const rounds = 15;
const calls = 5000;

const shape = [1, 4, 4, 4];
const x = Tensor.randn(shape);
const trained = new BatchNorm2D(4);
const layer = new BatchNorm2D(4);
const sgd = new Sgd({ lr: 1e-6 });
const ofChannels = () => new Float32Array(4).fill(1);
const raw = {
  shape,
  x: new Float32Array(64).fill(0.5),
  scale: ofChannels(),
  bias: ofChannels(),
  runningMean: ofChannels(),
  runningVar: ofChannels(),
};
const out = new Float32Array(64);

const subjects = {
  'a call that does nothing': () => backend.exp(0, raw.scale, raw.scale),
  'the kernel of inference': () => {
    const { x, scale, bias, runningMean, runningVar } = raw;
    backend.batchNormInference(1, 4, 16, 1e-5, false, x, scale, bias, runningMean, runningVar, null, out);
  },
  'raw inference with out': () => batchNormInference(raw, out),
  'exp, dispose': () => x.exp().dispose(),
  'add, dispose': () => x.add(x).dispose(),
  sum: () => x.sum(),
  forward: () => layer.forward(x),
  'forward, dispose': () => layer.forward(x).dispose(),
  'forwardMut, mean, backward': () => backward(trained.forwardMut(x.trace()).mean()),
  'forwardMut, mean, backward, Sgd': () =>
    sgd.update(trained, backward(trained.forwardMut(x.trace()).mean())),
};

for (const call of Object.values(subjects)) for (let i = 0; i < 4 * calls; i++) call();
const spent = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, call] of Object.entries(subjects)) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) call();
    spent[name].push(Number(process.hrtime.bigint() - begin) / calls);
  }
}

/** Few enough calls that their allocations fit into the young generation. */
function bytesOf(call) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 500; i++) call();
  return Math.round((process.memoryUsage().heapUsed - before) / 500);
}

console.log(`${info.name}, ${info.isa}, shape [${shape.join(', ')}]`);
console.table(
  Object.fromEntries(
    Object.entries(spent).map(([name, times]) => {
      times.sort((a, b) => a - b);
      const row = { fastest: Math.round(times[0]), median: Math.round(times[rounds >> 1]) };
      return [name, globalThis.gc === undefined ? row : { ...row, bytes: bytesOf(subjects[name]) }];
    }),
  ),
);
