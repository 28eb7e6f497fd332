import { fileURLToPath } from 'node:url';
import { BatchNorm2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded } from '../../support/random.js';
import { Crew } from './crew/crew.js';
import { hangsInNode, runToEnd } from './crew/ending.js';
import { exitCode, type Leaving } from './crew/member.js';

const long = process.env.BATCHNORM_TEST_LONG === '1';
const rounds = long ? 100 : 1;
/** Only a hanging process takes this long. */
const hanging = 120_000;
/** Node's own shutdown hung in 3 % of the runs on a busy machine; more hangs than this in one test are our fault. */
const maxHangsOfNode = long ? 20 : 2;

const codes: Record<Leaving, number> = { return: 0, exit: exitCode, throw: 1, terminated: 1 };
const leavings: readonly Leaving[] = [
  ...(['return', 'exit', 'throw'] as const),
  ...new Array<Leaving>(5).fill('terminated'),
];

/** A result that the main thread computes with the pool that the workers have used. */
function train(): number[] {
  const bn = new BatchNorm2D(8);
  bn.forwardMut(Tensor.randn([4, 8, 64, 64], { rng: seeded(1) }).trace());
  return bn.runningMean.array();
}

describe('leaving while workers train', function () {
  this.timeout((rounds + maxHangsOfNode) * hanging);

  it(`eight workers return, exit, throw and are terminated inside a call, in any order, ${rounds} times`, async () => {
    const expected = train();
    const random = seeded(2);
    for (let round = 0; round < rounds; round++) {
      const order = shuffle(leavings.keys(), random);
      const crew = new Crew(
        order.map((i) => leavings[i]),
        () => 1 + Math.floor(10 * random()),
      );
      await crew.trains();
      for (const index of shuffle(order.keys(), random)) {
        if (leavings[order[index]] === 'terminated') crew.terminate(index);
      }
      expect(await crew.left()).to.deep.equal(order.map((i) => codes[leavings[i]]));
      expect(train()).to.deep.equal(expected);
    }
  });

  const program = fileURLToPath(new URL('./crew/exit-among-workers.js', import.meta.url));
  const ways = long ? { exit: 3, along: 3, throw: 1 } : { along: 3 };
  for (const [way, code] of Object.entries(ways)) {
    const times = long ? 34 : 1;
    it(`the process ends by ${way} among eight workers, ${times} times`, async () => {
      let hungInNode = 0;
      for (let i = 0; i < times;) {
        const { threads, ...ending } = await runToEnd([program, way, String(i % 8)], {
          limit: hanging,
        });
        if (threads !== undefined && hangsInNode(threads) && hungInNode < maxHangsOfNode) {
          hungInNode++;
          continue;
        }
        const { status, signal, stderr } = ending;
        expect({ status, signal }, `${stderr}${JSON.stringify(threads)}`).to.deep.equal({
          status: code,
          signal: null,
        });
        if (way !== 'throw') expect(stderr).to.equal('');
        i++;
      }
      if (hungInNode > 0) console.log(`        ${hungInNode} times Node itself did not end`);
    });
  }
});

function shuffle(values: Iterable<number>, random: () => number): number[] {
  const shuffled = [...values];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  return shuffled;
}
