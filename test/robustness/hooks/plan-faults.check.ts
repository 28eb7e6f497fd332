// Run by `npm run check -- hooks`: what compiled plans request from the system fails, on JavaScript's thread and on the
// threads that compute calls.
import {
  BatchNorm2D,
  compile,
  Conv2D,
  Flatten2D,
  fold,
  Linear,
  ReLU,
  Sequential,
  setNumThreads,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { refusal } from '../faults/training.js';
import { hooks } from './hooks.js';

const { failAttempt, attempts, setElementsPerThread } = hooks();
const shape = [4, 3, 8, 8] as const;

describe('failing native allocations in compiled plans', function () {
  this.timeout(600_000);

  const network = new Sequential(
    new Conv2D(3, 16, 3, { padding: 1 }),
    new BatchNorm2D(16),
    new ReLU(),
    new Flatten2D(),
    new Linear(16 * 8 * 8, 10),
  );
  const x = Tensor.from(values(seeded(8), 4 * 3 * 8 * 8), shape);
  let plan: ReturnType<typeof compilePlan>;
  let threads = 1;

  function compilePlan() {
    return compile(network, shape, { concurrency: 2 });
  }

  /** The outcome of several calls at the same time, of which two compute and the others wait. */
  async function runTogether() {
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => plan.run(x)));
    const [first, ...others] = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value.array();
    });
    for (const other of others) expect(other).to.deep.equal(first);
    return first;
  }

  const ways: Record<string, () => Promise<unknown>> = {
    // eslint-disable-next-line @typescript-eslint/require-await
    'compile()': async () => compilePlan().runSync(x).array(),
    // eslint-disable-next-line @typescript-eslint/require-await
    'runSync()': async () => plan.runSync(x).array(),
    'run()': async () => (await plan.run(x)).array(),
    'several calls of run()': runTogether,
  };

  before(() => {
    failAttempt(0, false);
    setElementsPerThread(64);
    network.resetParams(seeded(9));
    plan = compilePlan();
  });

  afterEach(() => {
    failAttempt(0, false);
  });

  after(() => plan.dispose());

  it('the first calls of a process are rejected until everything that they need is there', async () => {
    const expected = fold(network).forward(x).array();
    let refused = 0;
    let found: unknown;
    while (found === undefined) {
      failAttempt(refused + 1, true);
      try {
        found = (await plan.run(x)).array();
      } catch (error) {
        refusal(error);
        refused++;
      }
    }
    expect(found).to.deep.equal(expected);
    // Among them the memory and the start of a thread.
    expect(refused).to.be.above(2);
  });

  for (const [name, way] of Object.entries(ways)) {
    for (const andAllAfter of [false, true]) {
      it(`${name}: ${andAllAfter ? 'the nth and all later ones fail' : 'only the nth fails'}`, async () => {
        const start = () => {
          // An additional thread, whose start is counted as an attempt, and all tensors allocated by the system.
          threads = Math.min(256, threads + 1);
          setNumThreads(threads);
          storagePool.clear();
        };
        start();
        failAttempt(0, false);
        const expected = await way();
        const total = attempts();
        let refused = 0;
        for (let nth = 1; nth <= total + 1; nth++) {
          start();
          failAttempt(nth, andAllAfter);
          let found: unknown;
          try {
            found = await way();
          } catch (error) {
            refusal(error);
            refused++;
            failAttempt(0, false);
            found = await way();
          }
          expect(found, `attempt ${nth}`).to.deep.equal(expected);
        }
        expect(refused).to.be.above(0);
        console.log(`        ${total} attempts failed in turn, ${refused} of them with an error`);
      });
    }
  }
});
