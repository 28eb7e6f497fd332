import { expect } from 'chai';
import { Curve } from '../curve.mjs';

describe('the curve of a training', () => {
  it('averages a few steps in each row, and ignores a step that is reported twice', () => {
    const curve = new Curve();
    for (let step = 11; step <= 22; step++) {
      curve.add(step, step, step / 100);
      curve.add(step, 1000, 1000);
    }
    expect(curve.rows).to.deep.equal([
      [15, 13, 0.13],
      [20, 18, 0.18],
    ]);
  });

  it('has bounded memory and covers the whole training run', () => {
    const curve = new Curve();
    const steps = 100_000;
    for (let step = 1; step <= steps; step++) curve.add(step, step, 0.5);
    expect(curve.rows).to.have.length.within(200, 400);
    expect(curve.generation).to.be.above(5);
    let last = 0;
    for (const [step, loss, accuracy] of curve.rows) {
      // The mean of the steps since the row before.
      expect(loss).to.be.closeTo((last + 1 + step) / 2, 1e-6);
      expect(accuracy).to.be.closeTo(0.5, 1e-9);
      last = step;
    }
    expect(last).to.be.above(0.99 * steps);
  });

  it('keeps a diverged loss in its row', () => {
    const curve = new Curve();
    for (let step = 1; step <= 10; step++) curve.add(step, step === 7 ? NaN : 1, 0);
    expect(curve.rows.map(([, loss]) => loss)).to.deep.equal([1, NaN]);
    expect(JSON.stringify(curve.rows)).to.equal('[[5,1,0],[10,null,0]]');
  });

  it('starts again when it is cleared', () => {
    const curve = new Curve();
    for (let step = 1; step <= 8; step++) curve.add(step, 1, 0);
    const { generation } = curve;
    curve.clear();
    expect(curve.rows).to.deep.equal([]);
    expect(curve.generation).to.be.above(generation);
    for (let step = 1; step <= 5; step++) curve.add(step, 2, 1);
    expect(curve.rows).to.deep.equal([[5, 2, 1]]);
  });
});
