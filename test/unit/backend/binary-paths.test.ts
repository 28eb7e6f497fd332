import { expect } from 'chai';
import { pathToFileURL } from 'node:url';
import { targets } from '#lib/backend/binary-paths';
import { packagePath } from '../../support/package-path.js';

describe('the platforms for which the loader expects a binary', () => {
  it('are the platforms that a release is built for', async () => {
    const list = pathToFileURL(packagePath('tools/release/prebuild/targets.mjs')).href;
    const built = (await import(list)) as { platforms: string[] };
    expect([...targets].sort()).to.deep.equal(built.platforms.sort());
  });
});
