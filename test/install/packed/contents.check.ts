import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installedProject, platform } from './project.js';

interface Manifest {
  readonly binaries: Record<string, { readonly bytes: number; readonly sha256: string }>;
}

const allowed = [
  'CHANGELOG.md',
  'CMakeLists.txt',
  'LICENSE',
  'README.md',
  'cmake',
  'dist',
  'native',
  'package.json',
  'prebuilds',
];

describe('contents of the packed package', () => {
  const project = installedProject();
  const packed = (...names: string[]) => project().path('node_modules', 'batchnorm', ...names);
  const files = () =>
    readdirSync(packed(), { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(packed(name)).isFile())
      .map((name) => name.replaceAll('\\', '/'));

  it('has nothing that npm would run or warn of', () => {
    expect(readdirSync(packed())).to.have.members(allowed);
    const manifest = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as object;
    expect(manifest).to.not.have.any.keys('scripts', 'devDependencies', 'bundledDependencies');
    expect(manifest).to.have.property('gypfile', false);
  });

  it('has the binaries that its manifest lists, whole, and one for this machine', () => {
    const { binaries } = JSON.parse(
      readFileSync(packed('prebuilds', 'manifest.json'), 'utf8'),
    ) as Manifest;
    const present = files().filter((name) => name.endsWith('.node'));
    expect(present).to.have.members(Object.keys(binaries));
    expect(present).to.include(`prebuilds/${platform}/batchnorm.node`);
    for (const [name, { bytes, sha256 }] of Object.entries(binaries)) {
      const content = readFileSync(packed(name));
      expect(content.length, name).to.equal(bytes);
      expect(createHash('sha256').update(content).digest('hex'), name).to.equal(sha256);
    }
  });

  it('has declarations for everything public, and nothing of a build besides', () => {
    const names = files();
    for (const name of ['dist/index.d.ts', 'dist/raw.d.ts']) expect(names).to.include(name);
    const others = names.filter((name) => !/\.(d\.ts|m?js)$/.test(name));
    expect(others.filter((name) => name.startsWith('dist/'))).to.deep.equal([]);
    expect(names.filter((name) => name.startsWith('lib/'))).to.deep.equal([]);
  });

  it('is under 2.5 MB unpacked, with the binaries of all six platforms under 3 MB', () => {
    const bytes = files().reduce((sum, name) => sum + statSync(join(packed(), name)).size, 0);
    const limit = process.env.BATCHNORM_RELEASE === '1' ? 3e6 : 2.5e6;
    expect(bytes).to.be.below(limit);
  });
});
