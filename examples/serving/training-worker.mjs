// Continues training from the served weights with digits of other writers, and saves checkpoints to a separate file: that
// of `npm start` is not changed, so that `npm start -- --resume` can still resume it.
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { loadTrained } from '../../dist-dev/examples/digits/checkpoint.js';
import { Input } from '../../dist-dev/examples/digits/input.js';
import { makeNormalized } from '../../dist-dev/examples/digits/model.js';
import { RandomStream, randomStream } from '../../dist-dev/examples/digits/random.js';
import { Ranks } from '../../dist-dev/examples/digits/ranks.js';
import { renderImages } from '../../dist-dev/examples/digits/rendered-digits.js';
import {
  newOptimizer,
  newSchedule,
  trainingLoader,
  trainStep,
} from '../../dist-dev/examples/digits/train.js';
import { loadCheckpoint, saveCheckpoint } from './batchnorm.mjs';

/** A different seed from that of `npm start`. */
const SEED = 2;
/** The best learning rate for new weights, and a lower one that keeps what trained weights have learned. */
const LEARNING_RATE = 0.3;
const LEARNING_RATE_ON = 0.05;
const { file, from, epochs, images: count, checkpointSteps } = workerData;

const images = renderImages(count, randomStream(SEED, 'training'));
// Resumes its own checkpoint completely; takes only the weights of another one.
const { network, input } =
  from === undefined || from === file
    ? { network: makeNormalized(randomStream(SEED, 'weights')), input: Input.of(images) }
    : await loadTrained(from);
const optimizer = newOptimizer();
const shuffle = new RandomStream(SEED, 'batches');
const progress = { epoch: 0, steps: 0 };
const training = {
  model: network,
  optimizer,
  generators: { shuffle },
  parts: { input },
  progress,
};
if (from === file) await loadCheckpoint(file, training);

let stopped = false;
parentPort.once('message', () => {
  stopped = true;
});

// Of the whole network, not only of this training run.
const epochsAtEnd = progress.epoch + epochs;
let result = { loss: 0, accuracy: 0 };
const report = (type) => parentPort.postMessage({ type, ...progress, epochs: epochsAtEnd, ...result });
const loader = trainingLoader(images, input.brightness, shuffle.next);
const highest = from === undefined ? LEARNING_RATE : LEARNING_RATE_ON;
// One rise and fall per training, so that the final weights were trained with small steps.
const schedule = newSchedule(highest, epochs * loader.length);
const trainer = await new Ranks().trainer(network, optimizer, loader);
let step = 0;
for (let epoch = 0; epoch < epochs && !stopped; epoch++) {
  for (const batch of trainer.epoch(0)) {
    optimizer.lr = schedule(step++);
    result = trainStep(network, optimizer, batch, trainer);
    batch.dispose();
    progress.steps++;
    if (progress.steps % checkpointSteps === 0) {
      await saveCheckpoint(file, training);
      report('checkpoint');
    } else {
      report('step');
    }
    // Yields, so that the message to stop is received.
    await setImmediate();
    if (stopped) break;
  }
  if (!stopped) progress.epoch++;
}
await saveCheckpoint(file, training);
report('checkpoint');
parentPort.close();
