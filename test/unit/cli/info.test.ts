import { backend } from 'batchnorm';
import { expect } from 'chai';
import { batchnorm } from './run-cli.js';

interface Facts {
  readonly backend?: { name: string; isa: string; threads: number };
  readonly caches: { l1: number; l2: number; last: number } | null;
  readonly platform: { os: string; arch: string; node: string };
  readonly whyNotNative: string | null;
  readonly environment: Record<string, string>;
}

describe('batchnorm info', () => {
  it('agrees with the backend object of the package', () => {
    const { code, output, errors } = batchnorm(['info', '--json']);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    const facts = JSON.parse(output) as Facts;
    const { name, isa, threads } = backend;
    expect(facts.backend).to.deep.equal({ name, isa, threads });
    const { platform: os, arch, version: node } = process;
    expect(facts.platform).to.deep.include({ os, arch, node });
    expect(facts.whyNotNative === null).to.equal(name === 'native');
    if (name === 'native') {
      expect(facts.caches?.l1).to.be.at.least(4096);
      expect(facts.caches?.l2).to.be.at.least(facts.caches?.l1 ?? Infinity);
    } else {
      expect(facts.caches).to.equal(null);
    }
  });

  it('prints text by default', () => {
    const { code, output } = batchnorm(['info']);
    expect(code).to.equal(0);
    expect(output)
      .to.match(/^batchnorm \d+\.\d+\.\d+/)
      .and.to.match(new RegExp(`^backend +${backend.name}$`, 'm'))
      .and.to.match(new RegExp(`^ISA +${backend.isa}$`, 'm'))
      .and.to.match(/^threads +\d+$/m)
      .and.to.match(new RegExp(`^platform +${process.platform}-${process.arch}`, 'm'));
  });

  it('names the variable that forbids the native backend', () => {
    const environment = { BATCHNORM_BACKEND: 'portable', BATCHNORM_ISA: '' };
    const { output } = batchnorm(['info', '--json'], environment);
    const facts = JSON.parse(output) as Facts;
    expect(facts.whyNotNative).to.include('BATCHNORM_BACKEND=portable');
    expect(facts.environment).to.include({ BATCHNORM_BACKEND: 'portable' });
    expect(batchnorm(['info'], environment).output).to.match(/^why not native +BATCHNORM_/m);
  });

  it('fails on an impossible setting, but still prints the other facts', () => {
    const environment = { BATCHNORM_BACKEND: 'cuda' };
    const { code, output } = batchnorm(['info', '--json'], environment);
    expect(code).to.equal(1);
    const facts = JSON.parse(output) as Facts;
    expect(facts.backend).to.equal(undefined);
    expect(facts.whyNotNative).to.include('for BATCHNORM_BACKEND but received "cuda"');
    expect(facts.platform.os).to.equal(process.platform);
  });
});
