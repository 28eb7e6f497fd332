// Resuming an interrupted training: batches, a decaying learning rate, gradient clipping, checkpoints.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Adam,
  backward,
  clipGradNorm,
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  LearningRateScheduler,
  Linear,
  loadCheckpoint,
  randomGenerator,
  ReLU,
  saveCheckpoint,
  Sequential,
} from 'batchnorm';

// Bytes in typed arrays, as from readIdx: two of a sample's three numbers determine its class.
const rng = randomGenerator(1);
const features = Uint8Array.from({ length: 3 * 256 }, () => 256 * rng());
const labels = Uint8Array.from({ length: 256 }, (_, i) => (features[3 * i] > features[3 * i + 1] ? 1 : 0));

function makeRun(seed: number) {
  const weights = randomGenerator(seed);
  const model = new Sequential(
    new Linear(3, 16, { rng: weights }),
    new ReLU(),
    new Linear(16, 2, { rng: weights }),
  );
  const optimizer = new Adam();
  const schedule = cosineSchedule({ lr: 0.02, steps: 80, warmup: 8 });
  const shuffle = randomGenerator(seed);
  const loader = new DataLoader(
    { features, shape: [3], labels, scale: 1 / 255, mean: 0.5 },
    { batchSize: 32, shuffle: true, rng: shuffle, dropLast: true },
  );
  const scheduler = new LearningRateScheduler(optimizer, schedule);
  return { model, optimizer, scheduler, shuffle, loader, progress: { epoch: 0 } };
}
type Run = ReturnType<typeof makeRun>;

const training = ({ model, optimizer, scheduler, shuffle, progress }: Run) => ({
  model,
  optimizer,
  generators: { shuffle },
  parts: { scheduler },
  progress,
});

function train({ model, optimizer, scheduler, loader, progress }: Run, epochs: number): void {
  for (; progress.epoch < epochs; progress.epoch++) {
    // `using` releases the memory of a batch to the next one.
    for (using batch of loader) {
      const loss = crossEntropyWithLogitsLoss(model.forwardMut(batch.x.trace()), batch.labels);
      const gradients = backward(loss);
      clipGradNorm(model, gradients, 1);
      optimizer.update(model, gradients);
      scheduler.next();
    }
  }
}

const whole = makeRun(1);
console.log(whole.loader.length); // 8
train(whole, 10);

const directory = await mkdtemp(join(tmpdir(), 'batchnorm-'));
const file = join(directory, 'run.npz');
const first = makeRun(1);
train(first, 4);
await saveCheckpoint(file, training(first));

// Possibly in another process. The different seed shows that the checkpoint restores everything.
const second = makeRun(2);
await loadCheckpoint(file, training(second));
console.log(second.progress.epoch, second.scheduler.step); // 4 32
train(second, 10);
const bits = ({ model }: Run) => String(model.parameters().map(([, tensor]) => tensor.clone().data));
console.log(bits(second) === bits(whole)); // true

// A checkpoint is also a weights file.
const served = makeRun(3).model;
await served.load(file);
console.log(bits({ ...second, model: served }) === bits(first)); // true
await rm(directory, { recursive: true });
