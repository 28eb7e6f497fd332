import { expect } from 'chai';
import { normal, RandomStream, randomStream, shuffledIndices } from '../../../examples/digits/random.js';

const take = (count: number, rng: () => number) => Array.from({ length: count }, () => rng());

describe('randomStream', () => {
  it('depends only on the seed and the name', () => {
    const numbers = take(100, randomStream(1, 'training'));
    expect(take(100, randomStream(1, 'training'))).to.deep.equal(numbers);
    expect(take(100, randomStream(2, 'training'))).to.not.have.any.members(numbers);
    expect(take(100, randomStream(1, 'test'))).to.not.have.any.members(numbers);
  });

  it('is uniform in [0, 1)', () => {
    const numbers = take(10_000, randomStream(3, 'weights'));
    for (const number of numbers) expect(number >= 0 && number < 1).to.equal(true);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    expect(mean).to.be.closeTo(0.5, 0.01);
  });
});

describe('RandomStream', () => {
  it('continues from a saved state', () => {
    const stream = new RandomStream(1, 'batches');
    expect(stream.next()).to.equal(randomStream(1, 'batches')());
    const state = stream.getState();
    const numbers = take(100, stream.next);
    const other = new RandomStream(2, 'weights');
    other.setState(state);
    expect(take(100, other.next)).to.deep.equal(numbers);
  });
});

describe('normal', () => {
  it('has mean 0 and the given standard deviation', () => {
    const rng = randomStream(1, 'weights');
    const numbers = Array.from({ length: 10_000 }, () => normal(rng, 2));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    const squares = numbers.reduce((sum, number) => sum + number * number, 0) / numbers.length;
    expect(mean).to.be.closeTo(0, 0.08);
    expect(Math.sqrt(squares)).to.be.closeTo(2, 0.06);
  });
});

describe('shuffledIndices', () => {
  it('contains every index once, in an order that depends on the generator', () => {
    const indices = [...shuffledIndices(100, randomStream(1, 'batches'))];
    const inOrder = [...indices.keys()];
    expect([...indices].sort((a, b) => a - b)).to.deep.equal(inOrder);
    expect(indices).not.to.deep.equal(inOrder);
    expect([...shuffledIndices(100, randomStream(1, 'batches'))]).to.deep.equal(indices);
  });

  it('is empty for a count of zero', () => {
    expect(shuffledIndices(0, Math.random)).to.have.length(0);
  });
});
