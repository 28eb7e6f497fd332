// Trains the digits network and reads drawn digits. Runs in a web worker.
import { backend, backward, crossEntropyWithLogitsLoss, DataLoader, Sgd, Tensor } from 'batchnorm';
import { brightnessOf, CLASSES, datasetOf } from '../dataset.ts';
import { makeNormalized } from '../model.ts';
import { randomStream } from '../random.ts';
import { renderImages } from '../rendered-digits.ts';

const seed = 1;
const batchSize = 64;
const epochs = 12;
const maxLearningRate = 0.2;
const stepsPerReport = 10;
const trainingImages = 6_000;
const validationImages = 500;

const network = makeNormalized(randomStream(seed, 'weights'));
let brightness = { mean: 0, deviation: 1 };

/** Lets messages arrive between two steps. */
function pause() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** The scores of images with pixels from 0 to 255, [count, 10]. */
function scoresOf(pixels, count, rows, columns) {
  const values = Float32Array.from(pixels, (pixel) => (pixel - brightness.mean) / brightness.deviation);
  const x = Tensor.from(values, [count, 1, rows, columns]);
  const logits = network.forward(x);
  const scores = logits.softmax().array();
  x.dispose();
  logits.dispose();
  return scores;
}

function validate({ pixels, labels, count, rows, columns }) {
  const confusion = Array.from({ length: CLASSES }, () => new Array(CLASSES).fill(0));
  const size = rows * columns;
  let correct = 0;
  for (let begin = 0; begin < count; begin += 250) {
    const end = Math.min(count, begin + 250);
    const scores = scoresOf(pixels.subarray(begin * size, end * size), end - begin, rows, columns);
    scores.forEach((row, i) => {
      const guess = row.indexOf(Math.max(...row));
      const label = labels[begin + i];
      confusion[label][guess]++;
      if (guess === label) correct++;
    });
  }
  return { accuracy: correct / count, confusion };
}

async function train() {
  postMessage({ kind: 'backend', backend: { ...backend } });
  const training = renderImages(trainingImages, randomStream(seed, 'training'));
  const validation = renderImages(validationImages, randomStream(seed, 'validation'));
  brightness = brightnessOf(training);
  const loader = new DataLoader(datasetOf(training, brightness), {
    ...{ batchSize, shuffle: true, dropLast: true },
    rng: randomStream(seed, 'batches'),
  });
  const sgd = new Sgd({ momentum: 0.9, weightDecay: 5e-4 });
  const steps = epochs * Math.floor(trainingImages / batchSize);
  const begin = performance.now();
  let step = 0;
  let loss = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { x, labels } of loader) {
      // A linear warm-up and a cosine decay.
      sgd.lr =
        maxLearningRate * Math.min(1, (step + 1) / 50) * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
      const value = crossEntropyWithLogitsLoss(network.forwardMut(x.trace({ gradient: false })), labels);
      loss += value.item() / stepsPerReport;
      sgd.update(network, backward(value));
      step++;
      if (step % stepsPerReport === 0) {
        const seconds = (performance.now() - begin) / 1000;
        postMessage({
          kind: 'progress',
          step,
          steps,
          loss,
          imagesPerSecond: (step * batchSize) / seconds,
          seconds,
        });
        loss = 0;
      }
      // A drawn digit is read within one step.
      await pause();
      if (step % 50 === 0 || step === steps)
        postMessage({ kind: 'validation', step, steps, ...validate(validation) });
    }
  }
  postMessage({ kind: 'done' });
}

self.onmessage = ({ data: { drawing, pixels, rows, columns } }) => {
  const [scores] = scoresOf(pixels, 1, rows, columns);
  postMessage({ kind: 'prediction', drawing, scores });
};

train().catch((error) => postMessage({ kind: 'failure', message: String(error.stack) }));
