import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { node } from '../../support/node-process.js';

/** Trains a few steps on tensors large enough for the thread pool; posts the resulting scale. */
const training = `
const { parentPort } = require('node:worker_threads');
import('batchnorm').then(({ BatchNorm2D, Sgd, Tensor, backward }) => {
  const bn = new BatchNorm2D(8);
  const sgd = new Sgd({ lr: 0.1 });
  const x = Tensor.from(Float32Array.from({ length: 8 * 8 * 4096 }, (_, i) => Math.sin(i)), [8, 8, 64, 64]);
  for (let i = 0; i < 5; i++) sgd.update(bn, backward(bn.forwardMut(x.trace()).exp().mean()));
  parentPort.postMessage(bn.scale.array());
});`;

describe('workers', () => {
  it('train side by side with the same result, and exit in any order', async () => {
    const workers = [0, 1, 2, 3].map(() => new Worker(training, { eval: true }));
    const results = await Promise.all(
      workers.map(async (worker) => {
        const [scale] = (await once(worker, 'message')) as [number[]];
        return scale;
      }),
    );
    await Promise.all(workers.reverse().map((worker) => worker.terminate()));
    for (const scale of results) expect(scale).to.deep.equal(results[0]);
  });

  it('may be the only threads that load the package, and exit before the process', () => {
    const code = `
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(training)}, { eval: true });
      worker.on('exit', (code) => setTimeout(() => { console.log('left', code); }, 50));`;
    const { status, stdout } = spawnSync(node.file, node.args('-e', code), { encoding: 'utf8' });
    expect(stdout).to.equal('left 0\n');
    expect(status).to.equal(0);
  });
});
