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
  it('measures copies of the given layers', () => {
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

  it('exits with 2 for a layer that cannot be trained', () => {
    for (const shape of ['1,3,1,1', '0,3,2,2', '2,0,2,2', '2,3,4', '2,3,4,x']) {
      const { code, errors } = batchnorm(['bench', '--seconds', '0.1', '--shape', shape]);
      expect(code, shape).to.equal(2);
      expect(errors).to.include('two values per channel').and.to.include(JSON.stringify(shape));
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
  for (const [seconds, median] of [
    [0.08, 30], // 40, 10 and 30
    [0.1, 25], // and 20: three rounds leave time for a fourth
  ] as const) {
    it(`gives the median: ${seconds} s`, () => {
      // With a clock that advances only during calls.
      const now = performance.now.bind(performance);
      let time = 0;
      const durations = [5, 5, 40, 10, 30, 20];
      performance.now = () => time;
      try {
        const call = () => (time += durations.shift() ?? 1000);
        expect(measure({ call }, seconds)).to.deep.equal({ call: median });
      } finally {
        performance.now = now;
      }
    });
  }

  it('calls all functions in turn, and equally often if they take equally long', () => {
    const order: string[] = [];
    /** Long enough for one call to be a sample. */
    const call = (name: string) => () => {
      order.push(name);
      for (const end = performance.now() + 5; performance.now() < end;);
    };
    const result = measure({ a: call('a'), b: call('b') }, 0);
    expect(Object.keys(result)).to.deep.equal(['a', 'b']);
    // Two warm-up calls each, then at least three rounds even if the time is up.
    expect(order.slice(0, 4)).to.deep.equal(['a', 'a', 'b', 'b']);
    expect(order.slice(4)).to.deep.equal(['a', 'b', 'a', 'b', 'a', 'b']);
    expect(result.a).to.be.at.least(5);
  });
});
