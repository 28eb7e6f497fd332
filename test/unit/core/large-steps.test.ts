import { backend } from 'batchnorm';
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { emulated, node } from '../../support/node-process.js';

const steps = process.env.BATCHNORM_TEST_LONG === '1' ? 200 : backend.name === 'native' ? 20 : 4;

interface Report {
  /** Minor page faults of all counted steps. */
  readonly faults: number;
  /** Resident bytes before the counted steps, and the maximum after any of them. */
  readonly before: number;
  readonly most: number;
}

/** Trains on tensors of 100 MB without returning to the event loop, beside `objects` live objects. */
function train(objects: number): Report {
  const code = `import('batchnorm').then(({ BatchNorm2D, Sgd, Tensor, backward }) => {
    globalThis.live = Array.from({ length: ${objects} }, (_, i) => ({ i, values: new Array(40).fill(i) }));
    const bn = new BatchNorm2D(64);
    const sgd = new Sgd({ lr: 1e-3, momentum: 0.9 });
    const x = Tensor.ones([32, 64, 112, 112]);
    const step = () => { sgd.update(bn, backward(bn.forwardMut(x.trace()).square().mean())); };
    for (let i = 0; i < 3; i++) step();
    const before = process.memoryUsage.rss();
    const faults = process.resourceUsage().minorPageFault;
    let most = 0;
    for (let i = 0; i < ${steps}; i++) { step(); most = Math.max(most, process.memoryUsage.rss()); }
    const report = { faults: process.resourceUsage().minorPageFault - faults, before, most };
    console.log(JSON.stringify(report));
  });`;
  const { stdout, stderr } = spawnSync(node.file, node.args('-e', code), { encoding: 'utf8' });
  expect(stderr).to.equal('');
  return JSON.parse(stdout) as Report;
}

describe(`${steps} steps without await, on tensors of 100 MB`, function () {
  this.timeout(600_000);

  const bytes = 4 * 32 * 64 * 112 * 112;
  // y, its square, and the gradients of mean, square and batch norm; pages of 4 KiB.
  const pagesWritten = (5 * bytes) / 4096;

  for (const [name, objects] of [
    ['alone', 0],
    ['with 300 MB of live objects', 750_000],
  ] as const) {
    it(`${name}: faults in under 1 % of the pages written, and takes no more memory`, function () {
      // The kernel counts page faults; under emulation they would be the emulator's.
      if (emulated) this.skip();
      const { faults, before, most } = train(objects);
      expect(faults / steps / pagesWritten).to.be.below(0.01);
      // A step creates at least six tensors; fewer new allocations than one tensor were made in all steps together.
      expect(most - before).to.be.below(bytes);
      expect(before).to.be.above(5 * bytes + objects * 400);
    });
  }
});
