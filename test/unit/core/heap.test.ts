import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { emulated, node } from '../../support/node-process.js';

const steps = 10_000;

describe('the JavaScript heap', () => {
  it('grows by less than 16 bytes a step after garbage collection', function () {
    // Independent of the processor, and would take minutes under emulation.
    if (emulated) this.skip();
    const code = `import('batchnorm').then(({ BatchNorm2D, Adam, Linear, Sequential, Flatten2D, Tensor,
      backward, crossEntropyWithLogitsLoss }) => {
      const network = new Sequential(new BatchNorm2D(4), new Flatten2D(), new Linear(64, 3));
      const adam = new Adam();
      const x = Tensor.ones([2, 4, 4, 4]);
      const step = () => {
        const loss = crossEntropyWithLogitsLoss(network.forwardMut(x.trace()), [0, 2]);
        adam.update(network, backward(loss));
      };
      const used = () => { gc(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; };
      // After the hot functions have been compiled, which Node 22 does later than other versions.
      for (let i = 0; i < ${steps}; i++) step();
      const before = used();
      for (let i = 0; i < ${steps}; i++) step();
      console.log(used() - before);
    });`;
    const { stdout, stderr } = spawnSync(node.file, node.args('--expose-gc', '-e', code), {
      encoding: 'utf8',
    });
    expect(stderr).to.equal('');
    expect(Number(stdout) / steps).to.be.below(16);
  });
});
