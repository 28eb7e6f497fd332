import { expect } from 'chai';
import { CLASSES, infer, makeNetwork, PIXELS } from '../network.mjs';
import { seeded, someImages } from './support.mjs';

describe('the network', () => {
  it('gives each image the probabilities of the classes, whatever is computed beside it', () => {
    const network = makeNetwork(seeded(1));
    const images = someImages(5, 2);
    const together = infer(network, images, 5);
    expect(together).to.have.length(5 * CLASSES);
    for (let i = 0; i < 5; i++) {
      const alone = infer(network, images.subarray(i * PIXELS, (i + 1) * PIXELS), 1);
      expect(alone.reduce((sum, p) => sum + p, 0)).to.be.closeTo(1, 1e-5);
      alone.forEach((p, c) => expect(p).to.be.closeTo(together[i * CLASSES + c], 1e-6));
    }
  });
});
