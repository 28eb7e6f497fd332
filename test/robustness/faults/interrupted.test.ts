import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { trainingHash } from '../../conformance/determinism/train.js';
import { emulated, node } from '../../support/node-process.js';

const program = fileURLToPath(new URL('../../conformance/determinism/train.js', import.meta.url));
const steps = process.env.BATCHNORM_TEST_LONG === '1' ? 2000 : 200;

/** The output of a training run that `disturb` is applied to repeatedly. */
async function disturbed(disturb: (pid: number, round: number) => Promise<void>): Promise<string> {
  const child = spawn(node.file, node.args(program, String(steps)));
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const ended = once(child, 'exit');
  let running = true;
  void ended.then(() => (running = false));
  for (let round = 0; running && round < 400; round++) {
    await disturb(child.pid ?? 0, round);
    await setTimeout(5);
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  expect({ code, signal }).to.deep.equal({ code: 0, signal: null });
  return output.trim();
}

/** Sends a signal; false if the process has already ended without its exit event. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

describe('a training run that is interrupted', function () {
  this.timeout(300_000);

  before(function () {
    // Signals reach the emulator, not the emulated process.
    if (process.platform !== 'linux' || emulated) this.skip();
  });

  it('by SIGSTOP and SIGCONT ends in the same bits', async () => {
    const found = await disturbed(async (pid) => {
      if (!signal(pid, 'SIGSTOP')) return;
      await setTimeout(10);
      signal(pid, 'SIGCONT');
    });
    expect(found).to.equal(trainingHash(steps));
  });

  it('by changes of its CPU affinity ends in the same bits', async function () {
    const cores = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
    const mine = /: (\S+)\s*$/.exec(cores.stdout ?? '')?.[1];
    if (cores.status !== 0 || mine === undefined) this.skip();
    const [first] = mine.split(/[-,]/);
    const found = await disturbed((pid, round) => {
      // Changes all threads; one of them may have just ended.
      spawnSync('taskset', ['-acp', round % 2 === 0 ? first : mine, String(pid)]);
      return Promise.resolve();
    });
    expect(found).to.equal(trainingHash(steps));
  });
});
