// Training with fit on MNIST's four IDX files: node dist-dev/examples/mnist.js DIRECTORY [EPOCHS]
import { join } from 'node:path';
import {
  accuracy,
  Adam,
  BatchNorm2D,
  Conv2D,
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  evaluate,
  fit,
  Flatten2D,
  Linear,
  MaxPool2D,
  randomGenerator,
  readIdx,
  ReLU,
  Sequential,
} from 'batchnorm';

const [directory = '.', epochs = '5'] = process.argv.slice(2);
const rng = randomGenerator(1);

async function read(set: 'train' | 't10k') {
  const images = await readIdx(join(directory, `${set}-images-idx3-ubyte`), { type: 'uint8', axes: 3 });
  const labels = await readIdx(join(directory, `${set}-labels-idx1-ubyte`), { type: 'uint8', axes: 1 });
  return { features: images.values, shape: [1, 28, 28], labels: labels.values, scale: 1 / 255 } as const;
}

const loader = new DataLoader(await read('train'), { batchSize: 64, shuffle: true, rng, dropLast: true });
const test = new DataLoader(await read('t10k'), { batchSize: 500 });

const model = new Sequential(
  new Conv2D(1, 16, 3, { padding: 1, bias: false, rng }),
  new BatchNorm2D(16),
  new ReLU(),
  new MaxPool2D(2, { stride: 2 }),
  new Conv2D(16, 32, 3, { padding: 1, bias: false, rng }),
  new BatchNorm2D(32),
  new ReLU(),
  new MaxPool2D(2, { stride: 2 }),
  new Flatten2D(),
  new Linear(1568, 10, { rng }),
);

const steps = Number(epochs) * loader.length;
await fit(model, {
  data: loader,
  loss: crossEntropyWithLogitsLoss,
  optimizer: new Adam(),
  epochs: Number(epochs),
  schedule: cosineSchedule({ lr: 3e-3, steps, warmup: Math.floor(steps / 20) }),
  metrics: { accuracy },
  progress: true,
});
const scores = await evaluate(model, { data: test, metrics: { accuracy } });
console.log(`accuracy on the test images: ${(100 * scores.accuracy).toFixed(2)} %`);
