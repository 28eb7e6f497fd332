import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { emulated } from '../../support/node-process.js';
import type { ThreadStack } from '../../support/stacks.js';
import { hangsInNode, runToEnd, shutdownFunctions } from './crew/ending.js';

const program = fileURLToPath(new URL('./crew/wait.js', import.meta.url));
const long = process.env.BATCHNORM_TEST_LONG === '1';
/** Whether to read the stacks of real processes, which takes half a minute. */
const readable = long && process.platform === 'linux' && !emulated;

/** The threads of a program that runs until it is killed. */
async function threadsOf(where: string, functions: readonly string[]) {
  const { threads, signal, stderr } = await runToEnd([program, where], {
    limit: 2000,
    fromFirstLine: true,
    functions,
  });
  expect({ signal, stderr }).to.deep.equal({ signal: 'SIGKILL', stderr: 'begins\n' });
  return threads ?? [];
}

describe('hangsInNode, which leaving.test.ts uses to recognize hangs of Node itself', function () {
  this.timeout(120_000);

  const thread: ThreadStack = { id: 1, waits: true, ofPool: false, inAddon: false, functions: [] };
  const draining: ThreadStack = { ...thread, functions: ['BlockingDrain'] };
  const pool: ThreadStack = { ...thread, ofPool: true, inAddon: true };

  it('recognizes a shutdown that waits for V8, without the addon', () => {
    expect(hangsInNode([draining, thread, pool])).to.equal(true);
  });

  it('ignores other kinds of waiting', () => {
    expect(hangsInNode([thread, pool])).to.equal(false);
    expect(hangsInNode([])).to.equal(false);
  });

  it('ignores a shutdown while a thread of Node is in the addon or any thread computes', () => {
    expect(hangsInNode([draining, { ...thread, inAddon: true }])).to.equal(false);
    expect(hangsInNode([{ ...draining, inAddon: true }])).to.equal(false);
    expect(hangsInNode([draining, { ...thread, waits: false }])).to.equal(false);
    expect(hangsInNode([draining, { ...pool, waits: false }])).to.equal(false);
  });

  if (readable) {
    it('recognizes a real hang of Node, which options of V8 make likely', async () => {
      // Tasks that allocate in a full heap request garbage collections until the end.
      const options = ['--stress-concurrent-allocation', '--max-old-space-size=10'];
      const program =
        'const end = Date.now() + 200; while (Date.now() < end); console.error(1); process.exit(3);';
      for (let i = 0; i < 5; i++) {
        const { status, threads } = await runToEnd([...options, '-e', program], {
          limit: 2000,
          fromFirstLine: true,
        });
        if (threads === undefined) {
          expect(status).to.be.oneOf([3, 9]); // 9: this version of Node has no such option
        } else if (threads.every(({ waits }) => waits)) {
          expect(hangsInNode(threads), JSON.stringify(threads)).to.equal(true);
          return;
        }
      }
    });

    it('tells from the stacks of a process that it waits in JavaScript, beside the thread pool', async () => {
      const threads = await threadsOf('javascript', ['FutexEmulation', ...shutdownFunctions]);
      const [main] = threads;
      expect(main.functions).to.include('FutexEmulation');
      expect({ ...main, id: 0, functions: [] }).to.deep.equal({ ...thread, id: 0 });
      expect(threads.filter(({ ofPool }) => ofPool).length > 0).to.equal(backend.name === 'native');
      expect(hangsInNode(threads)).to.equal(false);
    });
  }

  if (readable && backend.name === 'native') {
    for (const where of ['addon', 'worker']) {
      it(`tells from the stacks of a process that the addon runs ${where === 'addon' ? 'on the main thread' : 'in a worker'}`, async () => {
        const threads = await threadsOf(where, shutdownFunctions);
        const inside = threads.filter(({ inAddon, ofPool }) => inAddon && !ofPool);
        expect(inside).to.have.length(1);
        expect(inside[0] === threads[0]).to.equal(where === 'addon');
        // Even beside a thread that waits in Node's shutdown.
        expect(hangsInNode([...threads, draining])).to.equal(false);
      });
    }
  }
});
