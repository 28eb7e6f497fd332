import { expect } from 'chai';
import { load, probabilitiesOf, sampleOf } from '../network.mjs';
import { Tensor } from '../batchnorm.mjs';
import { infer, saveModel, someImages, temporaryDirectory } from './support.mjs';

describe('the network', () => {
  const path = temporaryDirectory();

  it('is loaded with its weights and the normalization of its pixels', async () => {
    const model = await saveModel(path('one.npz'), 1);
    const loaded = await load(path('one.npz'));
    expect(loaded.brightness).to.deep.equal(model.brightness);
    const images = someImages(2, 3);
    expect(infer(loaded, images, 2)).to.deep.equal(infer(model, images, 2));
  });

  it('normalizes pixels', () => {
    const sample = sampleOf(
      Uint8Array.from({ length: 784 }, (_, i) => i % 256),
      { mean: 50, deviation: 70 },
    );
    expect(sample.shape).to.deep.equal([1, 28, 28]);
    expect(sample.data[0]).to.equal(Math.fround(-50 / 70));
    expect(sample.data[255]).to.equal(Math.fround(205 / 70));
  });

  it('gives probabilities for scores of any size', () => {
    const [first, second, third] = probabilitiesOf(Tensor.from([1000, 1000, -1000], [3]));
    expect([first, second, third]).to.deep.equal([0.5, 0.5, 0]);
    const [low, high] = probabilitiesOf(Tensor.from([0, 1], [2]));
    expect(high / low).to.be.closeTo(Math.E, 1e-12);
    expect(low + high).to.be.closeTo(1, 1e-12);
  });

  it('is refused if it was trained with images of another size', async () => {
    await saveModel(path('large.npz'), 1, 32);
    const error = await load(path('large.npz')).catch((caught) => caught);
    expect(error.message).to.include('28 x 28').and.to.include('32 x 32').and.to.include('large.npz');
  });
});
