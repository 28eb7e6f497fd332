import { measure } from '#lib/cli/measure';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { batchnorm } from './run-cli.js';

interface Report {
  readonly backend: { name: string };
  readonly layers: readonly {
    readonly shape: readonly number[];
    readonly milliseconds: Record<string, number>;
    readonly copies: Record<string, number>;
  }[];
}

const short = ['--seconds', '0.1', '--shape', '2,4,8,8'];

describe('batchnorm bench', () => {
  it('measures the layers that it is given, in copies', () => {
    const { code, output, errors } = batchnorm(['bench', '--json', ...short, '--shape=3,1,1,1']);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    const { backend: used, layers } = JSON.parse(output) as Report;
    expect(used.name).to.equal(backend.name);
    expect(layers.map(({ shape }) => shape)).to.deep.equal([
      [2, 4, 8, 8],
      [3, 1, 1, 1],
    ]);
    for (const { milliseconds, copies } of layers) {
      expect(milliseconds).to.have.all.keys('copy', 'inference', 'training', 'backward');
      for (const time of Object.values(milliseconds)) expect(time).to.be.greaterThan(0);
      for (const kernel of ['inference', 'training', 'backward']) {
        expect(copies[kernel]).to.equal(milliseconds[kernel] / milliseconds.copy);
      }
    }
  });

  it('prints a table', () => {
    const { code, output } = batchnorm(['bench', ...short]);
    expect(code).to.equal(0);
    expect(output)
      .to.include(`${backend.name} backend, ${backend.isa}`)
      .and.to.match(
        /2×4×8×8\n {2}copy .* ms\n {2}inference .* copies\n {2}training .* copies\n {2}backward .* copies\n$/,
      );
  });
});

describe('measure', () => {
  it('calls all functions in turn, equally often where they take equally long', () => {
    const order: string[] = [];
    /** Long enough for a sample of its own. */
    const call = (name: string) => () => {
      order.push(name);
      for (const end = performance.now() + 5; performance.now() < end;);
    };
    const result = measure({ a: call('a'), b: call('b') }, 0);
    expect(Object.keys(result)).to.deep.equal(['a', 'b']);
    // Twice each to warm up, then at least three rounds, whatever the time.
    expect(order.slice(0, 4)).to.deep.equal(['a', 'a', 'b', 'b']);
    expect(order.slice(4)).to.deep.equal(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(result.a).to.be.at.least(5);
  });
});
