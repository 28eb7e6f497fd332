import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FileFormatError, loadCheckpoint, saveCheckpoint, saveNpz, type Training } from 'batchnorm';
import { checkpointOf, loadTrained } from '../../../examples/digits/checkpoint.js';
import { Contestant, LEARNING_RATES } from '../../../examples/digits/contestant.js';
import { brightnessOf, type Digits, type Images, select } from '../../../examples/digits/dataset.js';
import { timeLayers } from '../../../examples/digits/layer-times.js';
import { type Classifier, makeClassifier, makeNormalized } from '../../../examples/digits/model.js';
import { predict } from '../../../examples/digits/predict.js';
import { randomStream } from '../../../examples/digits/random.js';
import { renderImages } from '../../../examples/digits/rendered-digits.js';
import { normsOf, statisticsOf } from '../../../examples/digits/statistics.js';
import { trainingLoader, TrainingRun, type TrainingProgress } from '../../../examples/digits/train.js';

const images = renderImages(320, randomStream(1, 'training'));
const never = new AbortController().signal;

function newNetwork(withBatchNorm = true): Classifier {
  return makeClassifier(withBatchNorm, randomStream(1, 'weights'));
}

function newRun(epochs: number, own: Images = images, network = newNetwork()): TrainingRun {
  return new TrainingRun(network, {
    epochs,
    seed: 1,
    images: own,
    brightness: brightnessOf(own),
  });
}

async function finish(
  run: TrainingRun,
  onStep: (progress: TrainingProgress) => void = () => undefined,
  signal = never,
): Promise<void> {
  while (!run.done) await run.trainEpoch(0.1, signal, onStep);
}

const valuesOf = (network: Classifier) =>
  network.parameters().map(([name, tensor]) => [name, [...tensor.clone().data]] as const);

/** Images of four quarters of 4 x 4 pixels; the digit is the brightest quarter. Quick to learn. */
function smallImages(count: number): Images {
  const rng = randomStream(count, 'test');
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 4);
  const pixels = Uint8Array.from({ length: count * 16 }, (_, i) => {
    const quarter = 2 * Number(i % 16 >= 8) + Number(i % 4 >= 2);
    return (quarter === labels[Math.floor(i / 16)] ? 150 : 0) + 100 * rng();
  });
  return { count, rows: 4, columns: 4, pixels, labels };
}

describe('makeClassifier', () => {
  it('has the same initial weights with batch norm and without', () => {
    const weights = (network: Classifier) =>
      valuesOf(network)
        .filter(([name]) => name.endsWith('weight'))
        .map(([, values]) => values);
    expect(weights(newNetwork(false))).to.deep.equal(weights(newNetwork(true)));
    expect(weights(newNetwork(true))).to.have.length(8);
  });

  it('normalizes the output of each convolution', () => {
    expect(normsOf(newNetwork())).to.have.length(7);
    expect(normsOf(newNetwork(false))).to.have.length(0);
  });

  it('infers the same for an image in any batch', () => {
    const network = newNetwork();
    const brightness = brightnessOf(images);
    const logits = (own: Images) => {
      const [batch] = trainingLoader(own, brightness, () => 0.999);
      return network.forward(batch.x).array();
    };
    const three = logits(select(images, Uint32Array.of(0, 1, 2)));
    const [alone] = logits(select(images, Uint32Array.of(1)));
    const closest = Math.min(
      ...three.map((row) => Math.max(...row.map((value, i) => Math.abs(value - alone[i])))),
    );
    expect(closest).to.be.lessThan(1e-5);
  });
});

describe('brightnessOf', () => {
  it('standardizes the training images to mean 0 and deviation 1', () => {
    const own = select(
      images,
      Uint32Array.from({ length: 64 }, (_, i) => i),
    );
    const [batch] = trainingLoader(own, brightnessOf(own), Math.random);
    const values = batch.x.data;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(mean).to.be.closeTo(0, 1e-4);
    expect(squares).to.be.closeTo(1, 1e-4);
  });

  it('gives zeros for uniform images', () => {
    const gray: Images = { ...images, count: 1, pixels: new Uint8Array(784).fill(99) };
    const [batch] = trainingLoader({ ...gray, labels: Uint8Array.of(1) }, brightnessOf(gray), Math.random);
    expect(new Set(batch.x.data)).to.deep.equal(new Set([0]));
  });
});

describe('predict', () => {
  it('gives classes, accuracy and loss of all images, independent of batches', () => {
    // Each image 300 times, more than fit into one batch of predictions.
    const two = smallImages(2);
    const many = select(
      two,
      Uint32Array.from({ length: 600 }, (_, i) => i % 2),
    );
    const network = newNetwork();
    const brightness = brightnessOf(two);
    const [few, all] = [predict(network, two, brightness), predict(network, many, brightness)];
    expect([...all.classes.subarray(0, 2)]).to.deep.equal([...few.classes]);
    expect(all.classes).to.have.length(600);
    expect(all.loss).to.be.closeTo(few.loss, 1e-5);
    expect(all.accuracy).to.equal(few.accuracy);
    const right = [0, 1].filter((i) => few.classes[i] === two.labels[i]).length;
    expect(few.accuracy).to.equal(right / 2);
  });
});

describe('TrainingRun', function () {
  // A training run on the portable backend takes half a minute, and twice that beside another lane of .ci/run.
  this.timeout(300_000);

  it('fits its training images', async () => {
    const own = smallImages(256);
    const run = newRun(10, own);
    const before = predict(run.network, own, brightnessOf(own));
    await finish(run);
    const after = predict(run.network, own, brightnessOf(own));
    expect(after.loss).to.be.lessThan(before.loss / 2);
    expect(after.accuracy).to.be.greaterThan(0.9);
  });

  it('reports every step of every epoch', async () => {
    const reports: TrainingProgress[] = [];
    await finish(newRun(2), (report) => reports.push(report));
    expect(reports.map(({ epoch, step }) => [epoch, step])).to.deep.equal(
      [1, 2].flatMap((epoch) => [1, 2, 3, 4, 5].map((step) => [epoch, step])),
    );
    for (const { epochs, step, stepsPerEpoch, accuracy, loss, secondsLeft } of reports) {
      expect([epochs, stepsPerEpoch]).to.deep.equal([2, 5]);
      expect(accuracy).to.be.within(0, 1);
      expect(loss).to.be.greaterThan(0);
      expect(secondsLeft === 0).to.equal(step === 5);
    }
  });

  it('records loss, accuracy and running statistics', async () => {
    const run = newRun(2);
    const losses: number[] = [];
    await finish(run, ({ step, loss }) => losses.push(step * loss));
    expect(run.curve.column(0)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    run.curve.column(1).forEach((loss, i) => {
      expect(loss).to.be.closeTo(losses[i] - (i % 5 === 0 ? 0 : losses[i - 1]), 1e-9);
    });
    expect(run.curve.rows.at(-1)?.slice(3)).to.deep.equal(statisticsOf(run.network));
  });

  it('drops an incomplete batch, except if it is the only one', () => {
    const steps = (count: number) => newRun(1, smallImages(count)).stepsPerEpoch;
    expect(steps(65)).to.equal(1);
    expect(steps(10)).to.equal(1);
  });

  it('stops before the next step once the signal is aborted', async () => {
    const controller = new AbortController();
    const run = newRun(1);
    const training = finish(
      run,
      ({ step }) => {
        if (step === 3) controller.abort();
      },
      controller.signal,
    );
    const error: unknown = await training.catch((caught: unknown) => caught);
    expect(error).to.equal(controller.signal.reason);
    expect(run.stepsDone).to.equal(3);
  });
});

describe('statisticsOf', () => {
  it('gives means over the channels of each layer', () => {
    const network = makeNormalized(Math.random);
    network.layers[1].runningMean.data.set([3, -4, 0, 0, 0, 0, 0, 0]);
    network.layers[1].runningVar.data.set([1, 2, 3, 4, 5, 6, 7, 8]);
    const statistics = statisticsOf(network);
    expect(statistics).to.have.length(14);
    expect(statistics[0]).to.be.closeTo(Math.sqrt(25 / 8), 1e-6);
    expect(statistics.slice(1, 8)).to.deep.equal([0, 0, 0, 0, 0, 0, 4.5]);
    expect(normsOf(network)[0]).to.equal('1');
  });
});

describe('timeLayers', () => {
  it('times every layer once, batch norm together with the layers fused into it', () => {
    const [batch] = trainingLoader(smallImages(8), { mean: 0, deviation: 1 }, Math.random);
    const times = timeLayers(makeNormalized(Math.random), batch.x);
    const block = (place: number) => [
      `${place}.r.0 Conv2D`,
      `${place}.r.1 BatchNorm2D`,
      `${place}.f.0 Conv2D`,
      `${place}.f.1 BatchNorm2D + ReLU`,
      `${place}.f.3 Conv2D`,
      `${place}.f.4 BatchNorm2D + sum + ReLU`,
    ];
    expect(times.map(({ name }) => name)).to.deep.equal([
      '0 Conv2D',
      '1 BatchNorm2D + ReLU',
      ...block(3),
      ...block(5),
      '7 AvgPoolGlobal',
      '8 Linear',
    ]);
    for (const time of times) {
      expect(time.forward).to.be.greaterThan(0);
      expect(time.backward).to.be.greaterThan(0);
    }
  });
});

describe('Contestant', () => {
  const digits: Digits = {
    source: 'test',
    training: smallImages(256),
    validation: smallImages(40),
    test: smallImages(20),
  };
  const options = { digits, epochs: 3, seed: 1 };
  const directory = mkdtempSync(join(tmpdir(), 'batchnorm-test-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'run.npz');

  type Pair = readonly [Contestant, Contestant];
  const newPair = (own = options): Pair => [new Contestant(true, own), new Contestant(false, own)];
  const trainingOf = (pair: Pair, changes: object = {}): Training =>
    checkpointOf(pair, { seed: 1, epochs: 3, images: digits.training, ...changes });
  const stateOf = ({ network, run, trials, validation }: Contestant) =>
    [valuesOf(network), run.curve.rows, run.stepsDone, trials.rows, validation.rows] as const;

  it('tries every learning rate and keeps the best', async () => {
    const [contestant] = newPair();
    while (!contestant.tried) await contestant.tryNext(never);
    expect(contestant.trials.column(0)).to.deep.equal(LEARNING_RATES);
    const best = Math.min(...contestant.trials.column(2));
    const index = contestant.trials.column(2).indexOf(best);
    expect(contestant.learningRate).to.equal(LEARNING_RATES[index]);
    expect(new Set(contestant.trials.column(2))).to.have.length(LEARNING_RATES.length);
    // The network itself has not been trained.
    expect(valuesOf(contestant.network)).to.deep.equal(valuesOf(newNetwork()));
  });

  it('rejects learning rates at which the network diverged', () => {
    const [contestant] = newPair();
    contestant.trials.add(0.01, 0.1, NaN);
    contestant.trials.add(0.03, 0.2, 2);
    contestant.trials.add(0.1, 0.3, NaN);
    expect(contestant.learningRate).to.equal(0.03);
  });

  it('resumes bit for bit from a checkpoint in the middle of an epoch', async () => {
    const whole = newPair();
    await finish(whole[0].run);
    whole[0].validate();

    const first = newPair();
    const controller = new AbortController();
    const stop = ({ epoch, step }: TrainingProgress) => {
      if (epoch === 2 && step === 3) controller.abort();
    };
    await finish(first[0].run, stop, controller.signal).catch(() => undefined);
    expect(first[0].run.stepsDone).to.equal(7);
    await first[1].tryNext(never);
    await saveCheckpoint(file, trainingOf(first));

    const second = newPair();
    await loadCheckpoint(file, trainingOf(second));
    expect(second.map(stateOf)).to.deep.equal(first.map(stateOf));
    const reports: number[] = [];
    await finish(second[0].run, ({ step }) => reports.push(step));
    expect(reports).to.deep.equal([4, 1, 2, 3, 4]);
    second[0].validate();
    expect(stateOf(second[0])).to.deep.equal(stateOf(whole[0]));
  });

  it('saves a checkpoint from which the network with batch norm can be loaded', async () => {
    const pair = newPair();
    await pair[0].tryNext(never);
    await saveCheckpoint(file, trainingOf(pair));
    const { network, input } = await loadTrained(file);
    expect(valuesOf(network)).to.deep.equal(valuesOf(pair[0].network));
    expect([input.rows, input.columns]).to.deep.equal([4, 4]);
    expect(input.brightness).to.deep.equal(brightnessOf(digits.training));

    const messageOf = async () => {
      const error: unknown = await loadTrained(file).catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(FileFormatError);
      return (error as Error).message;
    };
    await saveNpz(file, pair[0].network);
    expect(await messageOf()).to.include('checkpoint.part.input.size.npy');
    await saveNpz(file, pair[1].network);
    expect(await messageOf()).to.include(file);
  });

  it('refuses a checkpoint of other settings and names the first difference', async () => {
    await saveCheckpoint(file, trainingOf(newPair()));
    const other = { ...options, epochs: 4, seed: 2 };
    const load = async (changes: object) => {
      const pair = newPair(other);
      const error: unknown = await loadCheckpoint(file, trainingOf(pair, changes)).catch(
        (caught: unknown) => caught,
      );
      expect(error).to.be.instanceOf(FileFormatError);
      return (error as Error).message;
    };
    expect(await load({ seed: 2, epochs: 4 })).to.include('Expected 2, which is --seed');
    expect(await load({ epochs: 4 })).to.include('Expected 4, which is --epochs');
    expect(await load({ images: smallImages(255) })).to.include('Expected 255, which is the number');
    const images = { ...digits.training, pixels: digits.training.pixels.toReversed() };
    expect(await load({ images })).to.include('checksum of the training images');
  });
});
