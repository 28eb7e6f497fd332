import { mkdtempSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { backend, setNumThreads } from 'batchnorm';
import { spawnWorkers } from 'batchnorm/distributed';
import { expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { testRandomCalls } from './fuzz-cases.js';
import { runWorkers } from './run-workers.js';
import { testTransport } from './transport-cases.js';

const faultProgram = new URL('programs/fault.js', import.meta.url);

describe('a group of workers', () => {
  testTransport('workers', runWorkers, [1, 2, 3]);

  testRandomCalls(runWorkers, 2, [1]);
  testRandomCalls(runWorkers, 3, [4]);

  it('divides the threads of the process among the workers', async () => {
    const before = backend.threads;
    try {
      setNumThreads(5);
      // Some backends have one thread.
      const total = backend.threads;
      const share = total === 5 ? 2 : 1;
      for (const { threads } of await runWorkers(['threads'], 2)) expect(threads).to.equal(share);
      expect(backend.threads).to.equal(total);
    } finally {
      setNumThreads(before);
    }
  });
});

describe('faults in a group of workers', () => {
  const folder = temporaryDirectory();
  const train = async (fault: string, into: string, results: unknown[] = []) => {
    await spawnWorkers(2, faultProgram, {
      workerData: [fault, into],
      onMessage: (result) => results.push(result),
    });
    return results;
  };

  const faults = {
    throws: ['a bug of the program'],
    lingers: ['a bug of the program'],
    rejects: ['a bug of the program'],
    exits0: ['Rank 0 cannot complete allReduce (mean) of 2 float32 values', 'rank 1 ended with exit code 0'],
    exits3: ['exit code 3'],
    closes: ['Expected the same call on every rank', 'called close'],
    stuck: ['Rank 0 waited 2000 ms in allReduce', 'rank 1 has not made this call'],
    aborts: ['Rank 1 of the workers ended with exit code 1'],
  };
  /** Code and message of the other rank's error, where it is not ERR_BATCHNORM_PEER. */
  const ofRank0: Readonly<Record<string, readonly [code: string, text: string]>> = {
    closes: ['ERR_BATCHNORM_MISMATCH', 'rank 1 called close'],
    stuck: ['ERR_BATCHNORM_TIMEOUT', 'it has made none after allReduce \\(mean\\) of 2 float32 values'],
  };
  let whole: unknown[] = [];
  before(async () => {
    whole = await train('', mkdtempSync(folder('whole-')));
    expect(whole).to.have.length(2);
  });
  for (const [fault, message] of Object.entries(faults)) {
    it(`end all workers, and the run continues from the checkpoint: a rank that ${fault}`, async () => {
      const own = mkdtempSync(folder('fault-'));
      const reports: unknown[] = [];
      await expectRejection(train(fault, own, reports), Error, ...message);
      const errors = reports as { rank: number; code?: string; message: string }[];
      const [code, text] = ofRank0[fault] ?? ['ERR_BATCHNORM_PEER', 'rank 1'];
      const error = errors.find(({ rank }) => rank === 0);
      expect(error, JSON.stringify(reports)).to.include({ code });
      expect(error?.message).to.match(new RegExp(text, 'i'));
      if (fault === 'closes') expect(errors.map((each) => each.code)).to.deep.equal([code, code]);
      expect(await train('', own)).to.deep.equal(whole);
    });
  }

  it('do not include a rank that is late by less than the timeout', async () => {
    expect(await train('late', mkdtempSync(folder('late-')))).to.have.length(2);
  });
});

/** Returns a function that writes a program that can call `connect`. */
function programs(): (text: string) => URL {
  const folder = temporaryDirectory();
  const entry = import.meta.resolve('batchnorm/distributed');
  let count = 0;
  return (text) => {
    const path = folder(`program-${count++}.mjs`);
    writeFileSync(path, `import { connect } from ${JSON.stringify(entry)};\n${text}`);
    return pathToFileURL(path);
  };
}

describe('a group of workers that closes while a call is pending', () => {
  const program = programs();

  it('completes the call', async () => {
    const file = program(
      "import { parentPort } from 'node:worker_threads';\n" +
        'const group = await connect();\n' +
        'const pending = group.sumAsync(new Float32Array(1e6).fill(1 + group.rank));\n' +
        'group.close();\n' +
        'const sum = await pending;\n' +
        'parentPort.postMessage([sum[0], sum.at(-1)]);',
    );
    const results: unknown[] = [];
    await spawnWorkers(2, file, { onMessage: (result) => results.push(result) });
    expect(results).to.deep.equal([
      [3, 3],
      [3, 3],
    ]);
  });
});

describe('spawnWorkers rejects', () => {
  const program = programs();

  for (const thrown of ['undefined', 'null']) {
    it(`with an error that names the rank if a worker throws ${thrown}`, async () => {
      const file = program(`const group = await connect(); if (group.rank === 1) throw ${thrown};`);
      await expectRejection(spawnWorkers(2, file), Error, `Rank 1 of the workers threw ${thrown}`);
    });
  }

  it('with what onMessage throws, after the workers have ended', async () => {
    const file = program(
      "import { parentPort } from 'node:worker_threads';\n" +
        "parentPort.postMessage('text'); setInterval(() => {}, 1000);",
    );
    const onMessage = () => {
      throw new Error('a bug of the program');
    };
    await expectRejection(spawnWorkers(2, file, { onMessage }), Error, 'a bug of the program');
  });

  it('where a worker connects again after it has closed its group', async () => {
    const file = program('(await connect()).close(); await connect();');
    await expectRejection(spawnWorkers(2, file), TypeError, 'while the group of workers is open');
  });
});
