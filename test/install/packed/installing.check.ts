import { expect } from 'chai';
import { copyFileSync, readFileSync } from 'node:fs';
import { esmProgram, expectNative, Project, tarball } from './project.js';

interface Lock {
  readonly packages: Record<string, { hasInstallScript?: boolean }>;
}

describe('npm install of the packed package', () => {
  let project: Project;

  beforeEach(() => {
    project = new Project();
    project.write('program.mjs', esmProgram);
  });

  afterEach(() => {
    project.remove();
  });

  it('gives the native backend without any install script', () => {
    project.npm('install', tarball);
    expectNative(project.printed('program.mjs'));
    const lock = JSON.parse(readFileSync(project.path('package-lock.json'), 'utf8')) as Lock;
    expect(lock.packages).to.have.property('node_modules/batchnorm');
    const withScripts = Object.entries(lock.packages).filter(([, one]) => one.hasInstallScript);
    expect(withScripts).to.deep.equal([]);
  });

  it('gives the native backend if scripts are disabled', () => {
    project.npm('install', '--ignore-scripts', tarball);
    expectNative(project.printed('program.mjs'));
  });

  it('gives the native backend from a lock file', () => {
    project.npm('install', tarball);
    const other = new Project();
    for (const name of ['package.json', 'package-lock.json', 'program.mjs']) {
      copyFileSync(project.path(name), other.path(name));
    }
    other.npm('ci');
    expectNative(other.printed('program.mjs'));
    other.remove();
  });

  it('installs the command batchnorm', () => {
    project.npm('install', tarball);
    const { status, stdout, stderr } = project.npx('batchnorm', 'info', '--json');
    expect(status, stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ version: versionOf(project) });
    expect(stdout).to.include('"native"');
  });
});

function versionOf(project: Project): string {
  const manifest = project.path('node_modules', 'batchnorm', 'package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
