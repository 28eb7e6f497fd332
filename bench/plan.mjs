// node bench/plan.mjs [ROUNDS]: compiled plans of ResNet-8 (32 x 32) and ResNet-18 (224 x 224) at batch 1 and 32: time to
// compile, first call, memory, gain over fold(model).forward, and the delay of the event loop while calls of run() are computed.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as bn from '../dist/index.js';

const rounds = Number(process.argv[2] ?? 10);
/** How long calls follow each other while the delay of the event loop is watched: a thousand of its turns at least. */
const loadMilliseconds = 3000;
const { BatchNorm2D, Conv2D, GeneralizedResidual, ReLU, Residual, Sequential } = bn;

const conv = (inputs, outputs, size, stride = 1) =>
  new Conv2D(inputs, outputs, size, { stride, padding: (size - 1) / 2, bias: false });

function block(inputs, outputs, stride) {
  const main = new Sequential(
    conv(inputs, outputs, 3, stride),
    new BatchNorm2D(outputs),
    new ReLU(),
    conv(outputs, outputs, 3),
    new BatchNorm2D(outputs),
  );
  if (stride === 1 && inputs === outputs) return [new Residual(main), new ReLU()];
  const side = new Sequential(conv(inputs, outputs, 1, stride), new BatchNorm2D(outputs));
  return [new GeneralizedResidual(main, side), new ReLU()];
}

const head = (channels, classes) => [new bn.AvgPoolGlobal(), new bn.Linear(channels, classes)];

const resnet8 = () =>
  new Sequential(
    ...[conv(3, 16, 3), new BatchNorm2D(16), new ReLU()],
    ...[block(16, 16, 1), block(16, 32, 2), block(32, 64, 2)].flat(),
    ...head(64, 10),
  );

const resnet18 = () =>
  new Sequential(
    ...[conv(3, 64, 7, 2), new BatchNorm2D(64), new ReLU(), new bn.MaxPool2D(3, { stride: 2, padding: 1 })],
    ...[64, 128, 256, 512].flatMap((channels, i) => [
      ...block(i === 0 ? 64 : channels / 2, channels, i === 0 ? 1 : 2),
      ...block(channels, channels, 1),
    ]),
    ...head(512, 1000),
  );

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function time(call) {
  const start = performance.now();
  call();
  return performance.now() - start;
}

const cases = [
  ['ResNet-8', resnet8(), [3, 32, 32]],
  ['ResNet-18', resnet18(), [3, 224, 224]],
];
const rows = [];
for (const [name, model, sample] of cases) {
  const folded = bn.fold(model);
  for (const batch of [1, 32]) {
    const shape = [batch, ...sample];
    const x = bn.Tensor.randn(shape);
    let plan;
    const compile = time(() => (plan = bn.compile(model, shape)));
    const first = time(() => plan.runSync(x).dispose());
    folded.forward(x).dispose();
    const pairs = Array.from({ length: rounds }, () => [
      time(() => folded.forward(x).dispose()),
      time(() => plan.runSync(x).dispose()),
    ]);
    const [forward, run] = [0, 1].map((i) => median(pairs.map((pair) => pair[i])));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    for (const end = performance.now() + loadMilliseconds; performance.now() < end;) {
      const results = await Promise.all([plan.run(x), plan.run(x)]);
      for (const y of results) y.dispose();
    }
    delay.disable();
    const { arena, withoutReuse } = plan.memory;
    rows.push({
      network: name,
      batch,
      'compile ms': compile,
      'first call ms': first,
      'forward ms': forward,
      'plan ms': run,
      gain: forward / run,
      'arena MB': arena / 1e6,
      'without reuse MB': withoutReuse / 1e6,
      'loop delay p99 ms': delay.percentile(99) / 1e6,
    });
    await plan.dispose();
  }
}
const rounded = (value) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value);
console.table(
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, rounded(value)]))),
);
