// Run by `npm run check -- hooks` with an addon whose requests to the system can be made to fail: memory for working
// space or a tensor, the start of a thread.
import { setNumThreads, storagePool, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectedOf, largeTraining, refusal, run, trainingRuns } from '../faults/training.js';
import { hooks } from './hooks.js';

const { failAttempt, attempts, setElementsPerThread } = hooks();

function undisturbed<R>(call: () => R): R {
  failAttempt(0, false);
  return call();
}

describe('failing native allocations, one at a time', function () {
  this.timeout(600_000);

  let threads = 1;

  before(() => {
    setElementsPerThread(64);
  });

  // The others are too small to request anything from the system.
  const asking = { 'many channels': trainingRuns.many, 'two long channels': largeTraining };
  for (const [name, make] of Object.entries(asking)) {
    for (const andAllAfter of [false, true]) {
      it(`${name}: ${andAllAfter ? 'the nth and all later ones fail' : 'only the nth fails'}`, () => {
        const start = () => {
          // An additional thread, whose start is counted as an attempt, and all tensors allocated by the system.
          threads = Math.min(256, threads + 1);
          setNumThreads(threads);
          storagePool.clear();
          return make();
        };
        const expected = undisturbed(() => expectedOf(start));
        const total = attempts();
        expect(total).to.be.above(0);
        let refused = 0;
        for (let nth = 1; nth <= total + 1; nth++) {
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
        console.log(`        ${total} attempts failed in turn, ${refused} of them with an error`);
      });
    }
  }

  it('sums and products: throw, and then give the right result', () => {
    const sines = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
    const wide = Tensor.from(sines(9_000_000), [9_000, 1_000]);
    const a = Tensor.from(sines(200 * 300), [200, 300]);
    const b = Tensor.from(sines(200 * 300), [300, 200]);
    const computations: readonly (() => unknown)[] = [
      () => wide.sum({ axes: 0 }).array(),
      () => a.matmul(b).array(),
    ];
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
