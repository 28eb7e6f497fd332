import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cgroupQuota, usableCpus } from '#lib/backend/usable-cpus';
import { expect } from 'chai';

describe('usableCpus', () => {
  it('is at least 1 and never above what the affinity allows', () => {
    expect(usableCpus()).to.be.within(1, availableParallelism());
  });
});

describe('cgroupQuota', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** The quota with these files in the mount and this membership. */
  function quota(membership: string, files: Record<string, string>): number | undefined {
    for (const [name, content] of Object.entries({ ...files, membership })) {
      const file = join(root, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${content}\n`);
    }
    return cgroupQuota(root, join(root, 'membership'));
  }

  it('is the smallest quota of a group and those above it, rounded up', () => {
    expect(
      quota('0::/a/b', {
        'cpu.max': '800000 100000',
        'a/cpu.max': '250000 100000',
        'a/b/cpu.max': 'max 100000',
        'a/b/c/cpu.max': '100000 100000',
      }),
    ).to.equal(3);
  });

  it('is found at the root in a container, where the path does not exist', () => {
    expect(quota('0::/elsewhere', { 'cpu.max': '50000 100000' })).to.equal(1);
  });

  it('is read from version 1', () => {
    const files = {
      'cpu/cpu.cfs_quota_us': '-1',
      'cpu/cpu.cfs_period_us': '100000',
      'cpu/docker/cpu.cfs_quota_us': '400000',
      'cpu/docker/cpu.cfs_period_us': '100000',
      'cpu.max': '100000 100000',
    };
    expect(quota('5:memory:/docker\n4:cpu,cpuacct:/docker\n', files)).to.equal(4);
  });

  it('is undefined without a quota', () => {
    expect(quota('0::/', { 'cpu.max': 'max 100000' })).to.equal(undefined);
    expect(quota('3:cpuset:/a', { 'cpu.max': '100000 100000' })).to.equal(undefined);
    expect(cgroupQuota(root, join(root, 'missing'))).to.equal(undefined);
  });
});
