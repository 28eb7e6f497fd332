import { expect } from 'chai';
import { pathToFileURL } from 'node:url';
import { targets } from '#lib/backend/binary-paths';
import { packagePath } from '../../support/package-path.js';

describe('platforms with a binary, as the loader knows them', () => {
  it('are those that a release is built for', async () => {
    const list = pathToFileURL(packagePath('tools/release/prebuild/targets.mjs')).href;
    const built = (await import(list)) as { targets: object };
    expect([...targets].sort()).to.deep.equal(Object.keys(built.targets).sort());
  });
});
