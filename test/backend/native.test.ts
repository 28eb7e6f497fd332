import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { packagePath } from '../support/package-path.js';

interface Targets {
  readonly targets: Record<string, unknown>;
}

describe('the loader of the native binary', () => {
  it('has the literal path of every platform that a release holds, and of no other', async () => {
    const script = packagePath('scripts', 'prebuild', 'targets.mjs');
    const { targets } = (await import(script)) as Targets;
    const source = readFileSync(packagePath('lib', 'backend', 'native.ts'), 'utf8');
    const literal =
      /new URL\('\.\.\/\.\.\/prebuilds\/([\w-]+)\/batchnorm\.node', import\.meta\.url\)/g;
    const paths = [...source.matchAll(literal)].map(([, platform]) => platform);
    expect(paths).to.have.members(Object.keys(targets));
  });
});
