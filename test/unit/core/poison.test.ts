import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';

const program = fileURLToPath(new URL('./poison/use-after-release.js', import.meta.url));

function use(way: string, poisoned: boolean): { status: number | null; output: string } {
  const env = { ...process.env, BATCHNORM_POISON: poisoned ? '1' : '0' };
  const { status, stdout, stderr } = spawnSync(node.file, node.args(program, way), {
    encoding: 'utf8',
    env,
  });
  return { status, output: stdout + stderr };
}

describe('BATCHNORM_POISON=1', () => {
  it('turns a planted read of released values into NaN, which otherwise looks right', () => {
    expect(use('read', false)).to.deep.equal({ status: 0, output: '12\n' });
    expect(use('read', true)).to.deep.equal({ status: 0, output: 'NaN\n' });
  });

  it('reports a planted write to released values when they are reused', () => {
    expect(use('write', false)).to.deep.equal({ status: 0, output: 'unnoticed\n' });
    const { status, output } = use('write', true);
    expect(status).to.equal(1);
    expect(output).to.include('free memory of 4 values');
    expect(output).to.include('value 2 was written since');
  });

  it('turns a planted read of unwritten memory into NaN, which otherwise is zero', () => {
    expect(use('unwritten', false).output).to.equal('0\n');
    expect(use('unwritten', true).output).to.equal('NaN\n');
  });

  it('does not change the bits of a training run', () => {
    const [without, poisoned] = [false, true].map((each) => use('train', each));
    expect(poisoned).to.deep.equal(without);
    expect(poisoned.output).to.match(/^[0-9a-f]{64}\n$/);
  });
});
