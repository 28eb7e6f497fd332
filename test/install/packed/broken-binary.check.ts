import { expect } from 'chai';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { esmProgram, expectFallback, installedProject, platform, Project, type Printed } from './project.js';

describe('the packed package with an unusable binary', () => {
  const installed = installedProject();
  let project: Project;
  let binary: string;

  beforeEach(() => {
    project = installed().copy();
    project.write('program.mjs', esmProgram);
    binary = project.path('node_modules/batchnorm/prebuilds', platform, 'batchnorm.node');
  });

  afterEach(() => {
    project.remove();
  });

  /** Expects the WebAssembly backend with exactly one warning, and an error if the native backend is forced. */
  function expectWarning(reason: string): void {
    const { status, stdout, stderr } = project.node('program.mjs');
    expect(status, stderr).to.equal(0);
    expectFallback(JSON.parse(stdout) as Printed, reason);
    const warnings = stderr.match(/Warning: batchnorm runs on its slower WebAssembly backend/g);
    expect(warnings).to.have.length(1);
    expect(stderr).to.include(reason);
    expectForcedToFail(reason);
  }

  function expectForcedToFail(reason: string): void {
    project.write('forced.mjs', `process.env.BATCHNORM_BACKEND = 'native';\nawait import('batchnorm');`);
    const { status, stderr } = project.node('forced.mjs');
    expect(status).to.equal(1);
    expect(stderr).to.include('BATCHNORM_BACKEND=native, but').and.to.include(reason);
  }

  it('is silent if the binary was deleted', () => {
    rmSync(binary);
    const reason = `no native binary for ${platform} is present`;
    expectFallback(project.printed('program.mjs'), reason);
    expectForcedToFail(reason);
  });

  it('computes in TypeScript without both, and where the module is unusable', () => {
    rmSync(binary);
    const module = project.path('node_modules/batchnorm/prebuilds/wasm32/batchnorm.wasm');
    writeFileSync(module, readFileSync(module).subarray(0, 1000));
    const truncated = project.printed('program.mjs');
    expect(truncated.backend).to.deep.include({ name: 'portable', isa: 'js' });
    expect(truncated.backend.reason).to.include('the WebAssembly module does not load');
    rmSync(module);
    const missing = project.printed('program.mjs');
    expect(missing.backend).to.deep.include({ name: 'portable', isa: 'js' });
    expect(missing.y).to.deep.equal(truncated.y);
  });

  it('warns if it is not a library', () => {
    writeFileSync(binary, 'not a library');
    expectWarning('does not load');
  });

  it('warns if it is empty', () => {
    writeFileSync(binary, '');
    expectWarning('does not load');
  });

  it('warns if it is truncated', () => {
    const whole = readFileSync(binary);
    for (const part of [0.99, 0.5, 0.1]) {
      writeFileSync(binary, whole.subarray(0, Math.floor(whole.length * part)));
      expectWarning('does not load');
    }
  });

  it('warns if it is for another platform', () => {
    const others = ['linux-x64', 'linux-arm64', 'win32-x64'].filter((name) => name !== platform);
    for (const other of others) {
      copyFileSync(project.path('node_modules/batchnorm/prebuilds', other, 'batchnorm.node'), binary);
      expectWarning('does not load');
    }
  });
});
