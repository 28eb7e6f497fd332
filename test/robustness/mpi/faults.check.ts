import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ending, launch, type LauncherName, launcherNames, programPath } from './launch.js';

// The rows of the table in docs/reference/faults.md. Rank 1 fails at step 5 of 10, with a timeout of 2 seconds.

const program = programPath('../../unit/distributed/programs/fault.js');

interface Fault {
  readonly name: string;
  readonly title: string;
  /** The message that some rank or the launcher prints. */
  readonly says: Readonly<Record<LauncherName, RegExp>>;
}

const same = (pattern: RegExp) => ({ 'Open MPI': pattern, MPICH: pattern });
/** Launchers report the end of a process by themselves. */
const launcherSays = (openMpi: RegExp) => ({ 'Open MPI': openMpi, MPICH: /BAD TERMINATION|EXIT CODE: / });

const faults: readonly Fault[] = [
  { name: 'throws', title: 'throws', says: same(/a bug of the program/) },
  { name: 'rejects', title: 'has an unhandled rejection', says: same(/a bug of the program/) },
  {
    name: 'exits0',
    title: 'exits with code 0',
    says: same(/rank 1 ends before the others: Expected the same call on every rank|rank 1 called close/),
  },
  { name: 'exits3', title: 'exits with code 3', says: same(/rank 1 ends with exit code 3/) },
  { name: 'closes', title: 'closes the group early', says: same(/and rank \d called (close|allReduce)/) },
  { name: 'killed', title: 'is killed', says: launcherSays(/signal 9/) },
  {
    name: 'stopped',
    title: 'is stopped',
    says: same(
      /Rank 0 waited 2000 ms in allReduce.*rank 1 has not made this call.*its process \d+ is stopped/,
    ),
  },
  {
    name: 'stuck',
    title: 'is stuck',
    says: same(
      /Rank 0 waited 2000 ms in allReduce.*rank 1 has not made this call; it has made [^;]*; its process \d+ is running/,
    ),
  },
  {
    name: 'never',
    title: 'never connects',
    says: same(/Rank 0 waited 2000 ms in connect\(\): another process has not called connect/),
  },
  { name: 'aborts', title: 'aborts', says: same(/rank 1 aborted: a reason to stop/) },
];

for (const launcher of launcherNames) {
  describe(`faults under ${launcher}: every rank ends when one rank`, () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'batchnorm-fault-'));
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    const run = (fault: string, into = folder) => launch(launcher, 2, program, [fault, into], { limit: 30 });
    /** The lines that ranks print at the end of an uninterrupted run. */
    const results = ({ stderr }: Ending) => stderr.match(/done: \S+/g);

    /** Runs the program again, which must start at a step of this pattern and end like an uninterrupted run. */
    const expectToContinue = async (step: string) => {
      const resumed = await run('');
      expect(resumed.status, resumed.stderr).to.equal(0);
      expect(resumed.stderr).to.match(new RegExp(`rank 0 starts at step ${step}`));
      expect(resumed.stderr).to.match(new RegExp(`rank 1 starts at step ${step}`));
      const whole = results(await run('', mkdtempSync(join(folder, 'whole-'))));
      expect(whole).to.have.length(2);
      expect(results(resumed)).to.deep.equal(whole);
    };

    for (const { name, title, says } of faults) {
      it(`${title}, with a message, and continues from the checkpoint`, async () => {
        const ending = await run(name);
        const output = ending.stdout + ending.stderr;
        expect(ending.status, output).to.not.equal(0);
        expect(output).to.match(says[launcher]);
        expect(results(ending), output).to.equal(null);

        // Rank 0 may still be saving step 5 while rank 1 fails.
        await expectToContinue(name === 'never' ? '0' : '[45]');
      });
    }

    it('is late, but not by more than the timeout, does not end', async () => {
      const ending = await run('late');
      expect(ending.status, ending.stderr).to.equal(0);
      expect(results(ending)).to.have.length(2);
    });

    it('loses its launcher', async () => {
      const waiting: number[] = [];
      await launch(launcher, 2, program, ['waits', folder], {
        limit: 30,
        onOutput(text, pid) {
          for (const [, rank] of text.matchAll(/waiting (\d+)/g)) waiting.push(Number(rank));
          if (waiting.length === 2) process.kill(pid, 'SIGKILL');
        },
      });
      expect(waiting).to.have.length(2);
      await Promise.all(waiting.map((pid) => ended(pid, 10)));
      await expectToContinue('[45]');
    });
  });
}

/** Waits for the end of a process that is not a child of this one. */
async function ended(pid: number, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (performance.now() > deadline) {
      process.kill(pid, 'SIGKILL');
      throw new Error(`rank with process id ${pid} outlives its launcher by ${seconds} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
