import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';
import { seeded } from '../../support/random.js';
import { idxBytes, TemporaryDirectory } from './idx-files.js';

const example = fileURLToPath(new URL('../../../examples/mnist.js', import.meta.url));

describe('examples/mnist.ts', () => {
  const directory = new TemporaryDirectory();
  after(() => directory.remove());

  it('learns digits from IDX files', function () {
    // Takes most of a minute in TypeScript; fit's own tests run on every backend.
    if (backend.name === 'portable') this.skip();
    const rng = seeded(4);
    for (const [set, count] of [
      ['train', 640],
      ['t10k', 100],
    ] as const) {
      const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
      // A bright bar at a height that tells the digit, in noise.
      const pixels = Uint8Array.from({ length: count * 784 }, (_, i) => {
        const row = Math.floor((i % 784) / 28);
        const isBar = Math.floor(row / 2) === 2 + labels[Math.floor(i / 784)];
        return (isBar ? 155 : 0) + 100 * rng();
      });
      directory.write(`${set}-images-idx3-ubyte`, idxBytes([count, 28, 28], pixels));
      directory.write(`${set}-labels-idx1-ubyte`, idxBytes([count], labels));
    }
    const { stdout, stderr } = spawnSync(node.file, node.args(example, directory.path, '3'), {
      encoding: 'utf8',
    });
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(0, 10)),
    ).to.deep.equal(['epoch 1/3:', 'epoch 2/3:', 'epoch 3/3:']);
    const [, percent] = /^accuracy on the test images: ([\d.]+) %\n$/.exec(stdout) ?? [];
    expect(Number(percent)).to.be.at.least(95);
  });
});
