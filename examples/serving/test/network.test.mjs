import { expect } from 'chai';
import { CLASSES, infer, load, PIXELS } from '../network.mjs';
import { makeModel, saveModel, someImages, temporaryDirectory } from './support.mjs';

describe('the network', () => {
  const path = temporaryDirectory();

  it('gives each image the same probabilities in any batch', () => {
    const model = makeModel(1);
    const images = someImages(5, 2);
    const together = infer(model, images, 5);
    expect(together).to.have.length(5 * CLASSES);
    for (let i = 0; i < 5; i++) {
      const alone = infer(model, images.subarray(i * PIXELS, (i + 1) * PIXELS), 1);
      expect(alone.reduce((sum, p) => sum + p, 0)).to.be.closeTo(1, 1e-5);
      alone.forEach((p, c) => expect(p).to.be.closeTo(together[i * CLASSES + c], 1e-6));
    }
  });

  it('normalizes pixels as the checkpoint specifies', async () => {
    const model = await saveModel(path('one.npz'), 1);
    const loaded = await load(path('one.npz'));
    expect(loaded.brightness).to.deep.equal(model.brightness);
    const images = someImages(2, 3);
    const expected = infer(model, images, 2);
    infer(loaded, images, 2).forEach((p, i) => expect(p).to.be.closeTo(expected[i], 1e-6));
    const others = infer({ ...model, brightness: { mean: 0, deviation: 255 } }, images, 2);
    expect(Math.max(...others.map((p, i) => Math.abs(p - expected[i])))).to.be.above(1e-3);
  });

  it('is refused if it was trained with images of another size', async () => {
    await saveModel(path('large.npz'), 1, 32);
    const error = await load(path('large.npz')).catch((caught) => caught);
    expect(error.message).to.include('28 x 28').and.to.include('32 x 32').and.to.include('large.npz');
  });
});
