import { backend, storagePool } from 'batchnorm';
import { expect } from 'chai';
import { WasmInstance } from '#lib/backend/wasm/instance';
import { expectedOf, refusal, run, trainingRuns } from './training.js';

describe('allocations that fail in the memory of WebAssembly, one at a time', () => {
  before(function () {
    if (backend.name !== 'wasm') this.skip();
  });

  for (const [name, make] of Object.entries(trainingRuns)) {
    it(`training step, ${name}: throws a RangeError or computes, and gives the same bits afterwards`, () => {
      const start = () => {
        storagePool.clear();
        return make();
      };
      const expected = expectedOf(start);
      const allocate = Object.getOwnPropertyDescriptor(WasmInstance.prototype, 'allocate') as {
        value: (bytes: number) => number;
      };
      let reached = 0;
      for (let nth = 1; nth <= 500; nth++) {
        let count = 0;
        const given = start();
        WasmInstance.prototype.allocate = function (this: WasmInstance, bytes) {
          return ++count === nth ? 0 : allocate.value.call(this, bytes);
        };
        try {
          const found = run(given, (part) => {
            try {
              return part();
            } catch (error) {
              refusal(error);
              return part();
            }
          });
          expect(found, `allocation ${nth}`).to.equal(expected);
        } finally {
          WasmInstance.prototype.allocate = allocate.value;
        }
        if (count < nth) break;
        reached++;
      }
      expect(reached).to.be.above(3);
    });
  }
});
