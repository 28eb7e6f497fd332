import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';
import { slopeOf } from './slope.js';
import type { EnduranceData, EnduranceResult } from './train.js';

const program = fileURLToPath(new URL('./train.js', import.meta.url));

/** Trains in a separate process, since garbage of other tests would disturb the measurement. */
async function trainAlone({ size, steps }: EnduranceData): Promise<EnduranceResult> {
  const { stdout } = await promisify(execFile)(node.file, node.args(program, size, String(steps)), {
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as EnduranceResult;
}

// `npm run check -- endurance` makes a million steps and checks resident memory too.
describe('a training run of 3000 steps', () => {
  it('keeps files, threads and pool bytes constant, and has the same result as in two workers', async () => {
    const data: EnduranceData = { size: 'small', steps: 3000 };
    const { samples, hash, finite } = await trainAlone(data);
    expect(finite).to.equal(true);
    const held = new Set(
      samples
        .slice(20)
        .map(({ pool, files, threads, resources }) => `${pool} ${files} ${threads} ${resources}`),
    );
    expect([...held]).to.have.length(1);
    const workers = [0, 1].map(() => new Worker(program, { workerData: data }));
    const messages = await Promise.all(workers.map((worker) => once(worker, 'message')));
    for (const [result] of messages as [EnduranceResult][]) expect(result.hash).to.equal(hash);
  });
});

describe('slopeOf', () => {
  const x = Array.from({ length: 100 }, (_, i) => 10 * i);
  const noise = (i: number) => Math.sin(7 * i);

  it('finds a slope within its confidence interval, and none in flat data', () => {
    const rising = slopeOf(
      x,
      x.map((each, i) => 3 + 0.5 * each + noise(i)),
    );
    expect(Math.abs(rising.perStep - 0.5)).to.be.below(rising.uncertainty);
    expect(rising.perStep).to.be.above(rising.uncertainty);
    const flat = slopeOf(
      x,
      x.map((_, i) => 3 + noise(i)),
    );
    expect(Math.abs(flat.perStep)).to.be.below(flat.uncertainty);
  });
});
