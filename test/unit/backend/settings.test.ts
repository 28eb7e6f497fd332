import { readSettings } from '#lib/backend/settings';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

describe('readSettings', () => {
  it('forces nothing in an empty environment', () => {
    expect(readSettings({ BATCHNORM_ISA: '' })).to.deep.equal({
      name: undefined,
      isa: undefined,
      threads: undefined,
    });
  });

  it('reads all three variables', () => {
    const settings = readSettings({
      BATCHNORM_BACKEND: 'native',
      BATCHNORM_ISA: 'scalar',
      BATCHNORM_NUM_THREADS: '3',
    });
    expect(settings).to.deep.equal({ name: 'native', isa: 'scalar', threads: 3 });
  });

  it('refuses an unknown backend', () => {
    const act = () => readSettings({ BATCHNORM_BACKEND: 'gpu' });
    expectError(act, RangeError, 'native, wasm or portable', 'BATCHNORM_BACKEND', '"gpu"');
  });

  it('refuses an unknown ISA', () => {
    const act = () => readSettings({ BATCHNORM_ISA: 'avx1024' });
    expectError(act, RangeError, 'avx512, avx2, neon or scalar', 'BATCHNORM_ISA', '"avx1024"');
  });

  it('refuses an ISA together with the portable backend', () => {
    const act = () => readSettings({ BATCHNORM_BACKEND: 'portable', BATCHNORM_ISA: 'avx2' });
    expectError(act, Error, 'BATCHNORM_ISA=avx2', 'BATCHNORM_BACKEND=portable');
  });

  for (const threads of ['0', '-1', '1.5', 'two', '257', '1e1']) {
    it(`refuses ${threads} threads`, () => {
      const act = () => readSettings({ BATCHNORM_NUM_THREADS: threads });
      expectError(act, RangeError, 'an integer from 1 to 256', 'BATCHNORM_NUM_THREADS', threads);
    });
  }
});
