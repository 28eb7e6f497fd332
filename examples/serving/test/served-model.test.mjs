import { expect } from 'chai';
import { ServedModel } from '../served-model.mjs';
import { infer, saveModel, someImages, temporaryDirectory } from './support.mjs';

describe('the served model', () => {
  const path = temporaryDirectory();
  let trained;
  let model;
  async function load(limits) {
    trained = await saveModel(path('weights.npz'), 1);
    model = new ServedModel(limits);
    await model.reload(path('weights.npz'));
  }
  afterEach(() => model.close());

  function expectResults({ probabilities }, images, count, by = trained) {
    const expected = infer(by, images, count);
    expect(probabilities).to.have.length(count);
    const differences = probabilities.flatMap((each, i) => each.map((p, c) => Math.abs(p - expected[i][c])));
    expect(Math.max(...differences)).to.be.below(1e-6);
  }

  it('gives each image the probabilities of the network, in batches of any size', async () => {
    await load();
    for (const count of [1, 2, 3, 5, 64, 65, 150]) {
      const images = someImages(count, count);
      expectResults(await model.infer(images, count), images, count);
    }
    const { samples, batchSizes } = model.statistics;
    expect(samples).to.equal(290);
    expect(batchSizes.reduce((sum, batches, size) => sum + batches * size, 0)).to.equal(290);
    expect(batchSizes.length).to.be.at.most(65);
  });

  it('computes images of several requests together', async () => {
    await load();
    const parts = Array.from({ length: 40 }, (_, i) => someImages(1, i));
    const answers = await Promise.all(parts.map((part) => model.infer(part, 1)));
    answers.forEach((answer, i) => expectResults(answer, parts[i], 1));
    expect(model.statistics.batches).to.be.below(10);
  });

  it('refuses requests with 503 if too many images wait, and computes the others', async () => {
    await load({ waitingImages: 100 });
    const images = someImages(60, 1);
    const results = await Promise.allSettled(Array.from({ length: 4 }, () => model.infer(images, 60)));
    const refused = results.filter(({ status }) => status === 'rejected');
    const computed = results.filter(({ status }) => status === 'fulfilled');
    expect(refused.length).to.be.within(1, 3);
    for (const { reason } of refused) {
      expect(reason).to.include({ name: 'Busy', statusCode: 503 });
      expect(reason.message).to.include('100 waiting images');
    }
    for (const { value } of computed) expectResults(value, images, 60);
    // The images of the refused requests do not wait any more.
    expect(model.statistics.queueLength).to.equal(0);
    expectResults(await model.infer(images, 60), images, 60);
  });

  it('stops for clients that leave, and for nobody else', async () => {
    await load();
    const leaving = new AbortController();
    const images = someImages(100, 1);
    const left = model.infer(images, 100, leaving);
    const stays = model.infer(images, 100);
    leaving.abort(new Error('left'));
    expect((await left.catch((error) => error)).message).to.equal('left');
    expectResults(await stays, images, 100);
    expect(model.statistics).to.include({ queueLength: 0, running: 0 });
    expect(model.statistics.samples).to.be.below(200);
  });

  it('computes each request with one version of the weights, whatever is loaded meanwhile', async () => {
    await load();
    const networks = new Map([[1, trained]]);
    const images = someImages(100, 1);
    const answers = [];
    for (let version = 2; version <= 6; version++) {
      networks.set(version, await saveModel(path('weights.npz'), version));
      answers.push(model.infer(images, 100));
      const reloading = model.reload(path('weights.npz'));
      answers.push(model.infer(images, 100));
      expect(await reloading).to.equal(version);
      answers.push(model.infer(images, 100));
    }
    for (const answer of await Promise.all(answers)) {
      expectResults(answer, images, 100, networks.get(answer.version));
    }
    // Counts of replaced weights are kept.
    expect(model.statistics.samples).to.equal(1500);
  });

  it('waits for its requests when it is closed', async () => {
    await load();
    const images = someImages(100, 1);
    const answer = model.infer(images, 100);
    await model.close();
    expectResults(await answer, images, 100);
    expect(model.version).to.equal(0);
  });
});
