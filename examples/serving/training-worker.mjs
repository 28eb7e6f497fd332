// Trains the network on rendered digits and saves checkpoints; goes on from the one that is there.
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { renderDigits } from '../../dist-dev/examples/digits/rendered-digits.js';
import { backward, clipGradNorm, crossEntropyWithLogits, DataLoader, loadCheckpoint, saveCheckpoint, Sgd } from './batchnorm.mjs'; // prettier-ignore
import { datasetOf, makeNetwork } from './network.mjs';

const SEED = 1;
const { path, epochs, images, checkpointSteps } = workerData;

let generator = xoroshiro128plus(SEED);
const rng = () => uniformFloat64(generator);
const model = makeNetwork(rng);
const optimizer = new Sgd({ lr: 0.05, momentum: 0.9 });
const progress = { epoch: 0, steps: 0 };
const shuffle = {
  getState: () => generator.getState(),
  setState: (state) => {
    generator = xoroshiro128plusFromState(state);
  },
};
const training = { model, optimizer, generators: { shuffle }, progress };
if (existsSync(path)) await loadCheckpoint(path, training);

const { pixels, labels } = renderDigits(SEED, images).training;
const loader = new DataLoader(datasetOf(pixels, labels), {
  batchSize: 64,
  shuffle: rng,
  dropLast: true,
});

let stopped = false;
parentPort.once('message', () => {
  stopped = true;
});

let loss = 0;
const report = (type) => parentPort.postMessage({ type, ...progress, loss });
const last = progress.epoch + epochs;
while (progress.epoch < last && !stopped) {
  for (const batch of loader) {
    const error = crossEntropyWithLogits(model.forwardMut(batch.x.trace()), batch.labels);
    loss = error.item();
    const gradients = backward(error);
    clipGradNorm(model, gradients, 5);
    optimizer.update(model, gradients);
    batch.dispose();
    progress.steps++;
    if (progress.steps % checkpointSteps === 0) {
      await saveCheckpoint(path, training);
      report('checkpoint');
    } else {
      report('step');
    }
    // Lets the message to stop through.
    await setImmediate();
    if (stopped) break;
  }
  if (!stopped) progress.epoch++;
}
await saveCheckpoint(path, training);
report('checkpoint');
parentPort.close();
