import { expect } from 'chai';
import { glyphs } from '../../../examples/digits/glyphs.js';
import { type Point, type Stroke, toPolyline } from '../../../examples/digits/stroke.js';

const square: Point[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

describe('toPolyline', () => {
  it('leaves lines and curves of two points unchanged', () => {
    expect(toPolyline({ kind: 'line', points: square })).to.deep.equal(square);
    expect(toPolyline({ kind: 'curve', points: square.slice(0, 2) })).to.have.length(2);
  });

  it('draws curves through their points', () => {
    const polyline = toPolyline({ kind: 'curve', points: square });
    expect(polyline.length).to.be.greaterThan(square.length);
    expect(polyline).to.deep.include.members(square);
    expect(polyline[0]).to.deep.equal(square[0]);
    expect(polyline.at(-1)).to.deep.equal(square.at(-1));
  });

  it('closes loops', () => {
    const polyline = toPolyline({ kind: 'loop', points: square });
    expect(polyline).to.deep.include.members(square);
    expect(polyline.at(-1)).to.deep.equal(polyline[0]);
  });

  it('keeps a curve through collinear points straight', () => {
    const points: Stroke['points'] = [0, 1, 2, 3].map((x) => [x, 2 * x]);
    for (const [x, y] of toPolyline({ kind: 'curve', points })) expect(y).to.be.closeTo(2 * x, 1e-12);
  });
});

describe('glyphs', () => {
  it('has at least three ways to write each of the ten digits, inside the square', () => {
    expect(glyphs).to.have.length(10);
    for (const styles of glyphs) {
      expect(styles.length).to.be.at.least(3);
      for (const stroke of styles.flat()) {
        expect(stroke.points.length).to.be.at.least(2);
        for (const [x, y] of stroke.points) {
          expect(x).to.be.within(0, 1);
          expect(y).to.be.within(0, 1);
        }
      }
    }
  });
});
