import { backend } from 'batchnorm';
import { expect } from 'chai';

describe('backend', () => {
  it('is what the environment forces', () => {
    const { BATCHNORM_BACKEND: name, BATCHNORM_ISA: isa } = process.env;
    if (name !== undefined) expect(backend.name).to.equal(name);
    if (isa !== undefined) expect(backend.isa).to.equal(isa);
  });

  it('names an instruction set that goes with the backend', () => {
    const expected = backend.name === 'portable' ? ['js'] : ['avx512', 'avx2', 'neon', 'scalar'];
    expect(expected).to.include(backend.isa);
  });

  it('uses at least one thread', () => {
    expect(backend.threads).to.be.at.least(1);
  });

  it('has no reason where the choice was forced', () => {
    if (process.env.BATCHNORM_BACKEND !== undefined) expect(backend.reason).to.equal(undefined);
  });
});
