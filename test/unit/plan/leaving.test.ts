import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';

const program = fileURLToPath(new URL('./leaving/calls-in-flight.js', import.meta.url));
const rounds = process.env.BATCHNORM_TEST_LONG === '1' ? 100 : 2;

function exitOf(...args: string[]) {
  const { status, signal, stderr } = spawnSync(process.execPath, ['--expose-gc', program, ...args], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, signal, stderr };
}

describe('leaving while calls of plans are in flight', function () {
  this.timeout(rounds * 60_000);

  it(`the process exits, ${rounds} times`, () => {
    for (let round = 0; round < rounds; round++) {
      expect(exitOf('exit', String(round % 7))).to.deep.equal({ status: 3, signal: null, stderr: '' });
    }
  });

  it('the process waits for its calls', () => {
    expect(exitOf('wait', '0')).to.deep.equal({ status: 5, signal: null, stderr: '' });
  });

  it('the process ends when nothing is in flight', () => {
    expect(exitOf('idle', '0')).to.deep.equal({ status: 0, signal: null, stderr: '' });
  });

  it(`an unhandled rejection ends the process, ${rounds} times`, () => {
    for (let round = 0; round < rounds; round++) {
      const { status, signal, stderr } = exitOf('reject', String(round % 7));
      expect({ status, signal }).to.deep.equal({ status: 1, signal: null });
      expect(stderr).to.include('Error: unhandled');
    }
  });

  it(`plans, inputs and promises that nothing refers to are collected while calls run, ${rounds} times`, () => {
    for (let round = 0; round < rounds; round++) {
      expect(exitOf('abandon', String(round % 7))).to.deep.equal({ status: 0, signal: null, stderr: '' });
    }
  });

  it('plans and their lanes are collected while their calls run', () => {
    expect(exitOf('collect', '0')).to.deep.equal({ status: 0, signal: null, stderr: '' });
  });

  it(`workers are terminated and return, ${rounds} times`, async () => {
    for (let round = 0; round < rounds; round++) {
      const workers = ['terminated', 'exit', 'terminated'].map(
        (way) => new Worker(program, { argv: [way, String(round % 5)] }),
      );
      const codes = workers.map(
        async (worker, i) =>
          new Promise<number>((resolve, reject) => {
            worker.once('error', reject);
            worker.once('exit', resolve);
            if (i !== 1) worker.once('message', () => void worker.terminate());
          }),
      );
      expect(await Promise.all(codes)).to.deep.equal([1, 3, 1]);
    }
  });
});
