import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { backend, backward, BatchNorm2D, setNumThreads, Tensor } from 'batchnorm';
import { storageOf } from '#lib/tensor';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';
import { trainingHash } from './train.js';

const program = fileURLToPath(new URL('./train.js', import.meta.url));

// `npm run determinism` runs more steps and simulates other machines.
describe('results are bit-identical', () => {
  const before = backend.threads;

  afterEach(() => {
    setNumThreads(before);
  });

  it('for 1 to 8 threads', () => {
    // Enough values for eight threads; the portable backend has one.
    const large = backend.name === 'native' && backend.isa !== 'neon';
    const shape = large ? ([9, 3, 401, 391] as const) : ([9, 3, 41, 39] as const);
    const length = shape.reduce((product, size) => product * size, 1);
    const x = Tensor.from(
      Float32Array.from({ length }, (_, i) => 20 + Math.sin(i)),
      shape,
    );
    const results = [1, 2, 3, 4, 5, 6, 7, 8].map((count) => {
      setNumThreads(count);
      const bn = new BatchNorm2D(3);
      const traced = x.trace();
      const y = bn.forwardMut(traced);
      const gradients = backward(y.exp().mean(), { keep: [y] });
      const hash = createHash('sha256');
      for (const tensor of [y, gradients.get(x), gradients.get(bn.scale), bn.runningVar]) {
        if (tensor === undefined) throw new Error('Expected a gradient');
        hash.update(storageOf(tensor).values);
        tensor.dispose();
      }
      return hash.digest('hex');
    });
    expect(new Set(results).size).to.equal(1);
  });

  it('in another process and in two simultaneous workers', async () => {
    const steps = 30;
    const expected = trainingHash(steps);
    expect(trainingHash(steps)).to.equal(expected);
    expect(trainingHash(steps - 1)).to.not.equal(expected);
    const { stdout } = spawnSync(node.file, node.args(program, String(steps)), {
      encoding: 'utf8',
    });
    expect(stdout).to.equal(`${expected}\n`);
    const workers = [0, 1].map(() => new Worker(program, { workerData: { steps } }));
    const messages = await Promise.all(workers.map((worker) => once(worker, 'message')));
    expect(messages).to.deep.equal([[expected], [expected]]);
  });
});
