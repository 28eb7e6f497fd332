import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { imageAt, type Images } from '../../../examples/digits/dataset.js';
import { randomStream, type StreamName } from '../../../examples/digits/random.js';
import { renderDigits, renderImages } from '../../../examples/digits/rendered-digits.js';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const hashes = (images: Images) => Array.from({ length: images.count }, (_, i) => hash(imageAt(images, i)));

describe('renderImages', () => {
  const rendered = (count: number, seed: number, name: StreamName = 'training') =>
    renderImages(count, randomStream(seed, name));

  it('draws the same images for the same seed and others for another seed', () => {
    const { pixels } = rendered(50, 7);
    expect(hash(rendered(50, 7).pixels)).to.equal(hash(pixels));
    expect(hash(rendered(50, 8).pixels)).not.to.equal(hash(pixels));
  });

  it('begins with the same images for any count', () => {
    const { pixels } = rendered(45, 7);
    expect(hash(rendered(50, 7).pixels.subarray(0, pixels.length))).to.equal(hash(pixels));
  });

  it('draws every digit equally often', () => {
    const counts = new Array<number>(10).fill(0);
    for (const label of rendered(200, 1).labels) counts[label]++;
    expect(counts).to.deep.equal(new Array(10).fill(20));
  });

  it('draws a digit brighter than the paper in every image', () => {
    const images = rendered(300, 1);
    for (let i = 0; i < images.count; i++) {
      const sorted = imageAt(images, i).slice().sort();
      const paper = sorted[Math.floor(sorted.length / 2)];
      const ink = sorted[Math.floor(sorted.length * 0.98)];
      expect(ink - paper, `image ${i}`).to.be.greaterThan(40);
    }
  });
});

describe('renderDigits', () => {
  it('has no more validation or test images than training images', () => {
    const { training, validation, test } = renderDigits(1, 30);
    expect([training.count, validation.count, test.count]).to.deep.equal([30, 30, 30]);
  });

  it('repeats no image within or between sets', () => {
    const { training, validation, test } = renderDigits(1, 4_000);
    const all = [training, validation, test].flatMap(hashes);
    expect(new Set(all).size).to.equal(training.count + validation.count + test.count);
  });
});
