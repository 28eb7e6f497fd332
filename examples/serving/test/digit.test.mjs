import { expect } from 'chai';
import { glyphs } from '../../../dist-dev/examples/digits/glyphs.js';
import { render } from '../../../dist-dev/examples/digits/render.js';
import { toPolyline } from '../../../dist-dev/examples/digits/stroke.js';
import { PIXELS, SIZE } from '../network.mjs';
import { SIZE as PAGE_SIZE, toImage } from '../page/digit.js';

const vertical = (x, top, bottom) => [
  [x, top],
  [x, bottom],
];

/** [left, top, right, bottom] of the pixels that are at least half covered. */
function boundsOf(image) {
  const ink = [...image.keys()].filter((i) => image[i] >= 128);
  const columns = ink.map((i) => i % SIZE);
  const rows = ink.map((i) => Math.floor(i / SIZE));
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns), Math.max(...rows)];
}

describe('the image of a drawing', () => {
  it('has the size that the network expects', () => {
    expect(PAGE_SIZE).to.equal(SIZE);
    expect(toImage([vertical(0.5, 0.1, 0.9)])).to.have.length(PIXELS);
  });

  it('is undefined if nothing is drawn', () => {
    expect(toImage([])).to.equal(undefined);
  });

  it('is the image that the training draws of the same lines, wherever they are drawn and however large', () => {
    for (const [digit, [glyph]] of glyphs.entries()) {
      const strokes = glyph.map(toPolyline);
      const all = strokes.flat();
      const [left, right, top, bottom] = [0, 1].flatMap((axis) => {
        const values = all.map((point) => point[axis]);
        return [Math.min(...values), Math.max(...values)];
      });
      // The training's look without chance; its glyphs fill a square, which may be higher than the digit.
      const scale = 1 / Math.max(right - left, bottom - top);
      const look = {
        ...{
          shiftX: -20 * scale * ((left + right) / 2 - 0.5),
          shiftY: -20 * scale * ((top + bottom) / 2 - 0.5),
        },
        ...{
          scaleX: scale,
          scaleY: scale,
          rotation: 0,
          shear: 0,
          strokeWidth: 2.3,
          paper: 0,
          ink: 1,
          noise: 0,
        },
      };
      const expected = new Uint8Array(PIXELS);
      render(glyph, look, () => 0.5, expected);
      for (const [x, y, size] of [
        [0, 0, 1],
        [0.1, 0.5, 0.4],
      ]) {
        const drawn = strokes.map((stroke) => stroke.map(([px, py]) => [x + size * px, y + size * py]));
        const image = toImage(drawn);
        const differences = image.map((value, i) => Math.abs(value - expected[i]));
        expect(Math.max(...differences), `digit ${digit}`).to.be.at.most(1);
      }
    }
  });

  it('does not enlarge a dot to a digit', () => {
    const [left, top, right, bottom] = boundsOf(toImage([[[0.2, 0.7]]]));
    expect([left, top]).to.deep.equal([13, 13]);
    expect([right, bottom]).to.deep.equal([14, 14]);
    const [, shortTop, , shortBottom] = boundsOf(toImage([vertical(0.3, 0.5, 0.53)]));
    expect(shortBottom - shortTop).to.be.below(8);
  });

  it('keeps the aspect ratio of a wide drawing', () => {
    const flat = [
      [0.1, 0.4],
      [0.9, 0.6],
    ];
    const [left, top, right, bottom] = boundsOf(toImage([flat]));
    expect(right - left).to.be.within(20, 22);
    expect(bottom - top).to.be.within(5, 8);
  });
});
