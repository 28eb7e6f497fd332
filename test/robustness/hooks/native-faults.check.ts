// Run by `npm run check -- hooks` with an addon in which attempts to get something from the system can be made to
// fail: memory for working space, room for a tensor, the start of a thread.
import { setNumThreads, storagePool, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectedOf, largeTraining, refusal, run, trainings } from '../faults/training.js';
import { hooks } from './hooks.js';

const { failAttempt, attempts, setElementsPerThread } = hooks();

function undisturbed<R>(call: () => R): R {
  failAttempt(0, false);
  return call();
}

describe('native allocations that fail, one after the other', function () {
  this.timeout(600_000);

  let threads = 1;

  before(() => {
    setElementsPerThread(64);
  });

  // The others are too small to ask the system for anything.
  const asking = { 'many channels': trainings.many, 'two long channels': largeTraining };
  for (const [name, make] of Object.entries(asking)) {
    for (const andAllAfter of [false, true]) {
      it(`${name}: ${andAllAfter ? 'the nth and all after it' : 'the nth alone'}`, () => {
        const start = () => {
          // One thread more, whose start is an attempt like the others, and all tensors from the system.
          threads = Math.min(256, threads + 1);
          setNumThreads(threads);
          storagePool.clear();
          return make();
        };
        const expected = undisturbed(() => expectedOf(start));
        const most = attempts();
        expect(most).to.be.above(0);
        let refused = 0;
        for (let nth = 1; nth <= most + 1; nth++) {
          const given = undisturbed(start);
          failAttempt(nth, andAllAfter);
          const found = run(given, (part) => {
            try {
              return part();
            } catch (error) {
              refusal(error);
              refused++;
              return undisturbed(part);
            }
          });
          expect(found, `attempt ${nth}`).to.equal(expected);
        }
        expect(refused).to.be.above(0);
        console.log(`        ${most} attempts failed in turn, ${refused} of them with an error`);
      });
    }
  }

  it('sums and products: an error, and then the result', () => {
    const sines = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
    const long = Tensor.from(sines(9_000_000), [9_000_000]);
    const a = Tensor.from(sines(200 * 300), [200, 300]);
    const b = Tensor.from(sines(200 * 300), [300, 200]);
    const computations: readonly (() => unknown)[] = [() => long.sum().item(), () => a.matmul(b).array()];
    for (const compute of computations) {
      const expected = undisturbed(compute);
      failAttempt(1, true);
      let error: unknown;
      try {
        compute();
      } catch (caught) {
        error = refusal(caught);
      }
      expect(error).to.be.instanceOf(RangeError);
      expect(undisturbed(compute)).to.deep.equal(expected);
    }
  });
});
