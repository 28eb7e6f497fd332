import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { node } from './node-process.js';
import { peakMemory } from './peak-memory.js';

describe('peakMemory', () => {
  it('grows with the memory of the process', () => {
    const before = peakMemory();
    expect(before).to.be.above(10_000);
    const bytes = Buffer.alloc(before * 1024 + 50_000_000, 1);
    expect(peakMemory()).to.be.above(bytes.length / 1024);
  });

  it('leaves out what the parent process had', () => {
    // Written whole, so that this process is larger than an idle Node.
    const bytes = Buffer.alloc(400_000_000, 1);
    const { href } = new URL('./peak-memory.js', import.meta.url);
    const program = `import { peakMemory } from '${href}'; console.log(peakMemory())`;
    const { stdout } = spawnSync(node.file, node.args('--input-type=module', '-e', program), {
      encoding: 'utf8',
    });
    expect(Number(stdout)).to.be.within(10_000, 300_000);
    expect(bytes[bytes.length - 1]).to.equal(1);
  });
});
