import { expect } from 'chai';
import sharp from 'sharp';
import { SIZE } from '../network.mjs';
import { PictureReader } from '../read-picture.mjs';

const pictures = new PictureReader();
const readPicture = (bytes) => pictures.read(bytes);

const WHITE = [255, 255, 255, 255];
const BLACK = [0, 0, 0, 255];
const CLEAR = [0, 0, 0, 0];

/** A picture of color `ground` with a rectangle of color `ink`. */
function rectangle({ width, height, box: [left, top, right, bottom], ground, ink }) {
  const pixels = Buffer.alloc(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = x >= left && x < right && y >= top && y < bottom;
      pixels.set(inside ? ink : ground, 4 * (y * width + x));
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 4 } });
}

/** The rectangle of ink as [left, top, right, bottom]; fails unless exactly its pixels are ink. */
function boundsOf(image) {
  const ink = [...image.keys()].filter((i) => image[i] > 0);
  const columns = ink.map((i) => i % SIZE);
  const rows = ink.map((i) => Math.floor(i / SIZE));
  const bounds = [Math.min(...columns), Math.min(...rows), Math.max(...columns) + 1, Math.max(...rows) + 1];
  expect(ink).to.have.length((bounds[2] - bounds[0]) * (bounds[3] - bounds[1]));
  return bounds;
}

describe('readPicture', () => {
  // 30 x 60 pixels, which become 10 x 20 in the middle of 28 x 28.
  const canvas = { width: 125, height: 100, box: [10, 25, 40, 85] };
  const middle = [9, 4, 19, 24];

  for (const [name, ground, ink] of [
    ['dark on bright', WHITE, BLACK],
    ['bright on dark', BLACK, WHITE],
    ['pale on paler', [220, 220, 220, 255], [180, 190, 200, 255]],
    ['yellow on white', WHITE, [255, 255, 0, 255]],
    ['black on transparent', CLEAR, BLACK],
    ['white on transparent', CLEAR, WHITE],
  ]) {
    it(`centers the digit at the height of training images: ${name}`, async () => {
      const image = await readPicture(
        await rectangle({ ...canvas, ground, ink })
          .png()
          .toBuffer(),
      );
      expect(boundsOf(image)).to.deep.equal(middle);
      expect(Math.min(...image.filter((value) => value > 0))).to.equal(255);
    });
  }

  it('does not swap rows and columns', async () => {
    // An L of 120 x 200 pixels, its lines 60 wide: 12 x 20, its lines 6 wide.
    const pixels = Buffer.alloc(300 * 220, 255);
    for (let y = 5; y < 205; y++) pixels.fill(0, y * 300 + 10, y * 300 + (y < 145 ? 70 : 130));
    const raw = { raw: { width: 300, height: 220, channels: 1 } };
    const image = await readPicture(await sharp(pixels, raw).png().toBuffer());
    const isInk = (x, y) => x >= 8 && x < 20 && y >= 4 && y < 24 && (x < 14 || y >= 18);
    const found = Array.from(image, (value) => value >= 128);
    expect(found).to.deep.equal(Array.from(image, (_, i) => isInk(i % SIZE, Math.floor(i / SIZE))));
  });

  it('keeps the aspect ratio of a wide digit, and the width of a line one pixel high', async () => {
    const drawn = (box) =>
      rectangle({ width: 250, height: 200, box, ground: WHITE, ink: BLACK }).png().toBuffer();
    expect(boundsOf(await readPicture(await drawn([30, 60, 130, 85])))).to.deep.equal([4, 11, 24, 16]);
    expect(boundsOf(await readPicture(await drawn([30, 60, 230, 61])))).to.deep.equal([4, 13, 24, 14]);
  });

  it('scales large pictures down and small ones up', async () => {
    const large = { width: 1250, height: 1000, box: [100, 250, 400, 850] };
    const small = { width: 20, height: 16, box: [2, 3, 7, 13] };
    for (const size of [large, small]) {
      const picture = rectangle({ ...size, ground: WHITE, ink: BLACK });
      const [left, top, right, bottom] = boundsOf(await readPicture(await picture.png().toBuffer()));
      expect([right - left, bottom - top]).to.deep.equal([10, 20]);
      expect([left, top]).to.deep.equal([9, 4]);
    }
  });

  it('rotates a photograph by its EXIF orientation', async () => {
    const lying = { width: 200, height: 250, box: [50, 20, 170, 80] };
    const picture = rectangle({ ...lying, ground: WHITE, ink: BLACK });
    const turned = picture.removeAlpha().withMetadata({ orientation: 6 });
    expect(boundsOf(await readPicture(await turned.png().toBuffer()))).to.deep.equal(middle);
  });

  it('treats shadows on paper as background', async () => {
    const pixels = Buffer.alloc(100 * 100);
    for (let i = 0; i < pixels.length; i++) pixels[i] = 180 + (60 * (i % 100)) / 100;
    for (let y = 20; y < 80; y++) pixels.fill(10, y * 100 + 35, y * 100 + 65);
    const raw = { raw: { width: 100, height: 100, channels: 1 } };
    const image = await readPicture(await sharp(pixels, raw).png().toBuffer());
    expect(boundsOf(image)).to.deep.equal(middle);
  });
});
