import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { BatchNorm2D } from 'batchnorm';
import { expect } from 'chai';
import { node } from '../../../support/node-process.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

const rounds = process.env.BATCHNORM_TEST_LONG === '1' ? 200 : 8;

describe('a program that is killed while it saves', function () {
  this.timeout(rounds * 30_000);

  const path = temporaryDirectory();

  it(`leaves a complete file, the old or the new one, ${rounds} times`, async () => {
    const channels = 20_000; // long enough to be killed in the middle
    const program = `
      import { BatchNorm2D } from 'batchnorm';
      const bn = new BatchNorm2D(${channels});
      for (let i = 0; ; i++) {
        bn.scale.data.fill(i);
        bn.runningVar.data.fill(i);
        await bn.save(${JSON.stringify(path('bn.npz'))});
        if (i === 0) console.log('saved');
      }`;
    const layer = new BatchNorm2D(channels);
    for (let round = 0; round < rounds; round++) {
      const child = spawn(node.file, node.args('--input-type=module', '-e', program));
      await once(child.stdout, 'data');
      await setTimeout(3 * (round % 20));
      child.kill('SIGKILL');
      await once(child, 'exit');
      await layer.load(path('bn.npz'));
      const [first] = layer.scale.data;
      expect(layer.scale.data.every((value) => value === first)).to.equal(true);
      expect(layer.runningVar.data.every((value) => value === first)).to.equal(true);
    }
  });
});
