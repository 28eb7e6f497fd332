import { backend, storagePool } from 'batchnorm';
import { expect } from 'chai';
import { refusedAllocations } from './refused-allocations.js';
import { expectedOf, refusal, run, trainingRuns } from './training.js';

describe('failing JavaScript allocations, one at a time', () => {
  for (const [name, make] of Object.entries(trainingRuns)) {
    it(`training step, ${name}: throws, changes nothing, and gives the same bits afterwards`, () => {
      const start = () => {
        storagePool.clear();
        return make();
      };
      const expected = expectedOf(start);
      let refused = 0;
      for (let nth = 1; ; nth++) {
        const given = start();
        const allocations = refusedAllocations();
        let reached = false;
        try {
          allocations.refuse(nth);
          const found = run(given, (part) => {
            try {
              return part();
            } catch (error) {
              reached = allocations.refused;
              refusal(error);
              allocations.refuse(0);
              return part();
            }
          });
          expect(found, `allocation ${nth}`).to.equal(expected);
        } finally {
          allocations.restore();
        }
        if (!reached) break;
        refused++;
      }
      // Two steps of forward, backward and update, with an empty pool. Tensors in the memory of WebAssembly are no arrays.
      expect(refused).to.be.above(backend.name === 'wasm' ? 0 : 20);
    });
  }
});
