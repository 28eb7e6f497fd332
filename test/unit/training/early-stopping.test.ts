import { EarlyStopping, type EarlyStoppingOptions } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

/** Whether training should stop after each value. */
function run(options: EarlyStoppingOptions, values: readonly number[]): boolean[] {
  const stopping = new EarlyStopping(options);
  return values.map((value) => {
    stopping.update(value);
    return stopping.stopped;
  });
}

describe('EarlyStopping', () => {
  it('stops after `patience` values without improvement', () => {
    expect(run({ patience: 2 }, [5, 4, 4, 3, 3, 3.5])).to.deep.equal([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(run({ patience: 2, mode: 'max' }, [5, 6, 6, 5])).to.deep.equal([false, false, false, true]);
  });

  it('requires an improvement by minDelta', () => {
    expect(run({ patience: 2, minDelta: 1 }, [5, 4.5, 4, 3.5])).to.deep.equal([false, false, false, false]);
    expect(run({ patience: 2, minDelta: 1 }, [5, 4.5, 4.25])).to.deep.equal([false, false, true]);
  });

  it('reports the best value', () => {
    const stopping = new EarlyStopping({ patience: 9, mode: 'max' });
    expect([stopping.best, stopping.count, stopping.sinceBest]).to.deep.equal([undefined, 0, 0]);
    expect([1, 3, 2, NaN, 4, 4].map((v) => stopping.update(v))).to.deep.equal([
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
    expect([stopping.best, stopping.count, stopping.sinceBest]).to.deep.equal([4, 6, 1]);
  });

  it('treats NaN as no improvement and infinite values like others', () => {
    expect(run({ patience: 2 }, [NaN, NaN])).to.deep.equal([false, true]);
    expect(run({ patience: 1 }, [Infinity, 1, 1])).to.deep.equal([false, false, true]);
    expect(run({ patience: 1, minDelta: 1 }, [Infinity, 1, -Infinity, -Infinity])).to.deep.equal([
      false,
      false,
      false,
      true,
    ]);
  });

  it('refuses invalid options and values by name', () => {
    const make = (options: unknown) => () => Reflect.construct(EarlyStopping, [options]) as object;
    expectError(make(undefined), TypeError, 'for options', 'undefined');
    expectError(make({}), TypeError, 'for patience', 'undefined');
    expectError(make({ patience: 0 }), RangeError, 'for patience', '0');
    expectError(make({ patience: 1, mode: 'auto' }), RangeError, 'for mode', '"auto"');
    expectError(make({ patience: 1, mode: 1 }), TypeError, 'for mode', '1');
    expectError(make({ patience: 1, minDelta: -1 }), RangeError, 'for minDelta', '-1');
    expectError(make({ patience: 1, delta: 1 }), TypeError, '"delta"');
    const stopping = new EarlyStopping({ patience: 1 });
    expectError(() => (stopping.update as Untyped).call(stopping, '1'), TypeError, 'for value', '"1"');
    expect(stopping.count).to.equal(0);
  });
});
