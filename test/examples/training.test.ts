import { expect } from 'chai';
import { Batcher } from '../../examples/digits/batches.js';
import type { Images } from '../../examples/digits/dataset.js';
import { Classifier } from '../../examples/digits/model.js';
import { countEqual, predict } from '../../examples/digits/predict.js';
import { randomStream } from '../../examples/digits/random.js';
import { renderImages } from '../../examples/digits/rendered-digits.js';
import { train, type TrainingProgress } from '../../examples/digits/train.js';

const images = renderImages(320, randomStream(1, 'training'));
const batcher = new Batcher(images);
const never = new AbortController().signal;

function newNetwork(withBatchNorm: boolean): Classifier {
  return new Classifier(images.rows * images.columns, withBatchNorm, randomStream(1, 'weights'));
}

function trainFor(
  network: Classifier,
  epochs: number,
  options: { images?: Images; signal?: AbortSignal; onStep?: (p: TrainingProgress) => void } = {},
): Promise<TrainingProgress> {
  return train(network, options.images ?? images, batcher, {
    epochs,
    learningRate: 0.03,
    rng: randomStream(1, 'batches'),
    signal: options.signal ?? never,
    onStep: options.onStep ?? (() => undefined),
  });
}

const valuesOf = (network: Classifier) =>
  network.parameters().map(([name, tensor]) => [name, [...tensor.clone().data]] as const);

describe('Classifier', () => {
  it('has the same initial weights with batch norm and without', () => {
    const without = new Map(valuesOf(newNetwork(false)));
    const linear = valuesOf(newNetwork(true)).filter(([name]) => without.has(name));
    expect(linear).to.have.length(without.size);
    for (const [name, values] of linear) expect(values, name).to.deep.equal(without.get(name));
  });

  it('normalizes the images and every hidden layer', () => {
    const names = newNetwork(true)
      .parameters()
      .map(([name]) => name)
      .filter((name) => name.endsWith('.scale'));
    expect(names).to.deep.equal([
      'imageNorm.scale',
      ...[0, 1, 2, 3, 4].map((layer) => `hidden${layer}.norm.scale`),
    ]);
  });

  it('infers the same for an image in whatever company', () => {
    const network = newNetwork(true);
    const logits = (indices: number[]) =>
      network.forward(batcher.batch(images, Uint32Array.from(indices)).images).array();
    const [, second] = logits([0, 1, 2]);
    const [alone] = logits([1]);
    alone.forEach((value, i) => expect(value).to.be.closeTo(second[i], 1e-5));
  });
});

describe('Batcher', () => {
  it('gives the training images mean 0 and deviation 1', () => {
    const all = Uint32Array.from({ length: images.count }, (_, i) => i);
    const values = batcher.batch(images, all).images.data;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(mean).to.be.closeTo(0, 1e-4);
    expect(squares).to.be.closeTo(1, 1e-4);
  });

  it('gives zeros for images of one grey', () => {
    const grey: Images = { ...images, count: 1, pixels: new Uint8Array(784).fill(99) };
    const { data } = new Batcher(grey).batch(grey, Uint32Array.of(0)).images;
    expect(new Set(data)).to.deep.equal(new Set([0]));
  });
});

describe('train', () => {
  it('learns its training images', async () => {
    const network = newNetwork(true);
    const { loss } = await trainFor(network, 8);
    expect(loss).to.be.lessThan(Math.log(10) / 2);
    const correct = countEqual(predict(network, images, batcher), images.labels);
    expect(correct / images.count).to.be.greaterThan(0.6);
  });

  it('gives the same network for the same seed', async () => {
    const [a, b] = [newNetwork(true), newNetwork(true)];
    await trainFor(a, 1);
    await trainFor(b, 1);
    expect(valuesOf(a)).to.deep.equal(valuesOf(b));
  });

  it('reports every step of every epoch', async () => {
    const reports: TrainingProgress[] = [];
    const last = await trainFor(newNetwork(true), 2, { onStep: (report) => reports.push(report) });
    expect(reports.map(({ epoch, step }) => [epoch, step])).to.deep.equal(
      [1, 2].flatMap((epoch) => [1, 2, 3, 4, 5].map((step) => [epoch, step])),
    );
    for (const { epochs, stepsPerEpoch, accuracy, loss } of reports) {
      expect([epochs, stepsPerEpoch]).to.deep.equal([2, 5]);
      expect(accuracy).to.be.within(0, 1);
      expect(loss).to.be.greaterThan(0);
    }
    expect(last).to.equal(reports.at(-1));
  });

  it('leaves out a batch that is not full, and takes one that is all there is', async () => {
    const steps = async (count: number) => {
      const few = renderImages(count, randomStream(1, 'training'));
      return (await trainFor(newNetwork(true), 1, { images: few })).stepsPerEpoch;
    };
    expect(await steps(65)).to.equal(1);
    expect(await steps(10)).to.equal(1);
  });

  it('stops after the step in which the signal is aborted', async () => {
    const controller = new AbortController();
    let steps = 0;
    const onStep = () => {
      steps++;
      if (steps === 3) controller.abort();
    };
    const training = trainFor(newNetwork(true), 1, { signal: controller.signal, onStep });
    const error: unknown = await training.catch((caught: unknown) => caught);
    expect((error as Error).name).to.equal('AbortError');
    expect(steps).to.equal(3);
  });
});
