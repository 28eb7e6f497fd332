import { backend } from 'batchnorm';
import { expect } from 'chai';

describe('backend', () => {
  it('is the one that the environment forces', () => {
    const { BATCHNORM_BACKEND: name, BATCHNORM_ISA: isa } = process.env;
    if (name !== undefined) expect(backend.name).to.equal(name);
    if (isa !== undefined) expect(backend.isa).to.equal(isa);
  });

  it('reports an instruction set that the backend supports', () => {
    const expected = { portable: ['js'], wasm: ['wasm128'], native: ['avx512', 'avx2', 'neon', 'scalar'] };
    expect(expected[backend.name]).to.include(backend.isa);
  });

  it('uses at least one thread', () => {
    expect(backend.threads).to.be.at.least(1);
  });

  it('gives no reason for a forced choice', () => {
    if (process.env.BATCHNORM_BACKEND !== undefined) expect(backend.reason).to.equal(undefined);
  });
});
