import { expect } from 'chai';
import type { Glyph } from '../../../examples/digits/glyphs.js';
import { type Look, render, SIZE } from '../../../examples/digits/render.js';

const verticalLine: Glyph = [
  {
    kind: 'line',
    points: [
      [0.5, 0],
      [0.5, 1],
    ],
  },
];
const plain: Look = {
  shiftX: 0,
  shiftY: 0,
  scaleX: 1,
  scaleY: 1,
  rotation: 0,
  shear: 0,
  strokeWidth: 2,
  ink: 1,
  paper: 0,
  noise: 0,
};

function draw(glyph: Glyph, look: Partial<Look> = {}, rng = () => 0.5): Uint8Array {
  const image = new Uint8Array(SIZE * SIZE);
  render(glyph, { ...plain, ...look }, rng, image);
  return image;
}

/** Brightness-weighted mean position and sums along both axes. */
function measure(image: Uint8Array) {
  const perRow = new Float64Array(SIZE);
  const perColumn = new Float64Array(SIZE);
  image.forEach((value, i) => {
    perRow[Math.floor(i / SIZE)] += value;
    perColumn[i % SIZE] += value;
  });
  const total = perRow.reduce((sum, value) => sum + value, 0);
  const center = (sums: Float64Array) => sums.reduce((sum, value, i) => sum + value * i, 0) / total;
  return { perRow, perColumn, total, x: center(perColumn), y: center(perRow) };
}

describe('render', () => {
  it('draws a stroke of the given width in the middle, 20 pixels high', () => {
    const { perRow, x, y } = measure(draw(verticalLine));
    expect(x).to.be.closeTo(13.5, 1e-9);
    expect(y).to.be.closeTo(13.5, 1e-9);
    expect(perRow[13]).to.equal(2 * 255);
    const rows = perRow.filter((sum) => sum > 0).length;
    expect(rows).to.be.within(20, 23);
  });

  it('antialiases edges between two pixels', () => {
    const image = draw(verticalLine, { shiftX: 0.25 });
    const middle = 13 * SIZE;
    expect([...image.subarray(middle + 12, middle + 17)]).to.deep.equal([0, 191, 255, 64, 0]);
    expect(measure(image).x).to.be.closeTo(13.75, 0.01);
  });

  it('shifts right and down', () => {
    const { x, y } = measure(draw(verticalLine, { shiftX: 3, shiftY: -2 }));
    expect(x).to.be.closeTo(16.5, 1e-9);
    expect(y).to.be.closeTo(11.5, 1e-9);
  });

  it('scales the stroke', () => {
    const half = measure(draw(verticalLine, { scaleY: 0.5 })).total;
    expect(half / measure(draw(verticalLine)).total).to.be.closeTo(0.55, 0.05);
  });

  it('rotates clockwise', () => {
    const { perRow, perColumn } = measure(draw(verticalLine, { rotation: Math.PI / 2 }));
    expect(perColumn[13]).to.equal(2 * 255);
    expect(perRow.filter((sum) => sum > 0).length).to.be.at.most(4);
    const tilted = draw(verticalLine, { rotation: 0.2 });
    expect(measure(tilted.subarray(0, 14 * SIZE)).x).to.be.greaterThan(13.5);
  });

  it('leans to the right with shear', () => {
    const upperHalf = draw(verticalLine, { shear: 0.3 }).subarray(0, 14 * SIZE);
    expect(measure(upperHalf).x).to.be.closeTo(13.5 + 0.3 * 5, 0.5);
  });

  it('uses the brightness of ink and paper', () => {
    const image = draw(verticalLine, { paper: 0.2, ink: 0.6 });
    expect(image[0]).to.equal(51);
    expect(Math.max(...image)).to.equal(153);
  });

  it('adds bounded noise and clamps to a byte', () => {
    const brighter = draw(verticalLine, { noise: 0.2 }, () => 1 - 2 ** -53);
    expect(brighter[0]).to.equal(51);
    expect(Math.max(...brighter)).to.equal(255);
    const darker = draw(verticalLine, { noise: 0.2 }, () => 0);
    expect(darker[0]).to.equal(0);
    expect(Math.max(...darker)).to.equal(204);
  });

  it('clips strokes to the image', () => {
    const image = draw(verticalLine, { shiftX: 100 });
    expect(Math.max(...image)).to.equal(0);
    expect(measure(draw(verticalLine, { shiftX: 13.5 })).total).to.be.greaterThan(0);
  });

  it('draws a dot for a stroke without length', () => {
    const dot: Glyph = [
      {
        kind: 'line',
        points: [
          [0.5, 0.5],
          [0.5, 0.5],
        ],
      },
    ];
    expect(measure(draw(dot)).total).to.be.greaterThan(255);
  });
});
