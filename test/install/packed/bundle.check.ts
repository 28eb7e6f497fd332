import { expect } from 'chai';
import { buildSync, type BuildOptions } from 'esbuild';
import { copyFileSync, realpathSync } from 'node:fs';
import { esmProgram, expectNative, installedProject, platform, type Printed, Project } from './project.js';

describe('a program and the packed package bundled into one file by esbuild', () => {
  const project = installedProject();
  let target: Project;

  beforeEach(() => {
    target = new Project();
  });

  afterEach(() => {
    target.remove();
  });

  function bundle(file: string, options: BuildOptions): string {
    project().write('program.mjs', esmProgram);
    buildSync({
      entryPoints: [project().path('program.mjs')],
      outfile: target.path(file),
      bundle: true,
      platform: 'node',
      logLevel: 'error',
      ...options,
    });
    return file;
  }

  function putBinaryBeside(): void {
    const binary = project().path('node_modules/batchnorm/prebuilds', platform, 'batchnorm.node');
    copyFileSync(binary, target.path('batchnorm.node'));
  }

  it('is native as an ES module with the binary beside it', () => {
    const file = bundle('bundle.mjs', { format: 'esm' });
    putBinaryBeside();
    expectNative(target.printed(file));
  });

  it('is native as a CommonJS module with the binary beside it', () => {
    const file = bundle('bundle.cjs', {
      format: 'cjs',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    putBinaryBeside();
    expectNative(target.printed(file));
  });

  it('is native when minified', () => {
    const file = bundle('bundle.mjs', { format: 'esm', minify: true });
    putBinaryBeside();
    expectNative(target.printed(file));
  });

  it('is portable without the binary and advises which file to copy', () => {
    const file = bundle('bundle.mjs', { format: 'esm' });
    const { stdout, stderr } = target.node(file);
    const advice = `this bundle has lost its native binary; copy node_modules/batchnorm/prebuilds/${platform}/batchnorm.node to ${realpathSync(target.folder)}/batchnorm.node`;
    expect(stderr).to.include(advice);
    const { backend } = JSON.parse(stdout) as Printed;
    expect(backend).to.deep.include({ name: 'portable', isa: 'js' });
    expect(backend.reason).to.include(advice);
  });
});
