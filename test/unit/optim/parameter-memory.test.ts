import { backend, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { Storage } from '#lib/core/storage';
import { storageOf } from '#lib/core/tensor';
import { ParameterMemory } from '#lib/optim/parameter-memory';

describe('what an optimizer keeps for a parameter', () => {
  it('begins with the given values and stays the same', () => {
    const memory = new ParameterMemory([0, 1]);
    const parameter = storageOf(Tensor.zeros([50]));
    expect(memory.existing(parameter)).to.equal(undefined);
    const storages = memory.of(parameter);
    expect(storages.map(({ values }) => [...new Set(values)])).to.deep.equal([[0], [1]]);
    expect(storages.map(({ values }) => values.length)).to.deep.equal([50, 50]);
    expect(memory.of(parameter)).to.equal(storages);
    expect(memory.existing(parameter)).to.equal(storages);
  });

  it('is in the memory of the WebAssembly module, from which no step copies it', function () {
    if (backend.name !== 'wasm') this.skip();
    const [moments] = new ParameterMemory([0]).of(storageOf(Tensor.zeros([50])));
    expect(moments.values.buffer).to.equal(Storage.take(50).values.buffer);
  });
});
