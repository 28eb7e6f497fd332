import { backend, type BackendInfo } from 'batchnorm';
import { usableCpus } from '#lib/backend/usable-cpus';
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { fallbackIn } from '../../support/fallback.js';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

/** Turns the permission model on. */
const permissionOption = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

const hasWasm = fallbackIn(packagePath()) === 'wasm';

/** Loads the package in a separate process with this environment. */
function load(
  environment: Record<string, string>,
  ...options: readonly string[]
): { output: string; error: string } {
  const code = `import('batchnorm').then(({ backend }) => console.log(JSON.stringify(backend)),
    (error) => { console.error(error.message); process.exit(1); })`;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BATCHNORM_'));
  const { stdout, stderr } = spawnSync(node.file, node.args(...process.execArgv, ...options, '-e', code), {
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...environment },
  });
  return { output: stdout, error: stderr };
}

describe('choice of the backend, in a separate process', () => {
  it('uses the portable backend when it is forced', () => {
    const { output } = load({ BATCHNORM_BACKEND: 'portable' });
    expect(JSON.parse(output)).to.deep.include({ name: 'portable', isa: 'js', threads: 1 });
  });

  it('fails if the forced ISA is not supported by this processor', () => {
    const foreign = process.arch === 'x64' ? 'neon' : 'avx2';
    const { error } = load({ BATCHNORM_ISA: foreign });
    expect(error).to.include('BATCHNORM_ISA').and.to.include(foreign);
  });

  it('fails on an invalid environment variable', () => {
    const { error } = load({ BATCHNORM_BACKEND: 'cuda' });
    expect(error).to.include('Expected native, wasm or portable for BATCHNORM_BACKEND');
  });

  it('uses the forced number of threads', function () {
    if (backend.name !== 'native') return;
    const { output } = load({ BATCHNORM_NUM_THREADS: '5' });
    expect(JSON.parse(output)).to.deep.include({ name: 'native', threads: 5 });
  });

  it('fails if more than one thread is forced on the portable backend', () => {
    const { error } = load({ BATCHNORM_BACKEND: 'portable', BATCHNORM_NUM_THREADS: '5' });
    expect(error).to.include('BATCHNORM_NUM_THREADS=5').and.to.include('one thread');
    const { output } = load({ BATCHNORM_BACKEND: 'portable', BATCHNORM_NUM_THREADS: '1' });
    expect(JSON.parse(output)).to.deep.include({ name: 'portable', threads: 1 });
  });

  describe('with a WebAssembly module', () => {
    before(function () {
      if (!hasWasm) this.skip();
    });

    it('uses it when it is forced', () => {
      const { output } = load({ BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: '1' });
      expect(JSON.parse(output)).to.deep.equal({ name: 'wasm', isa: 'wasm128', threads: 1 });
    });

    it('uses the processors, at most 8 of them, or the forced number of threads', () => {
      const { output } = load({ BATCHNORM_BACKEND: 'wasm' });
      expect(JSON.parse(output)).to.deep.include({ threads: Math.min(usableCpus(), 8) });
      const forced = load({ BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: '11' });
      expect(JSON.parse(forced.output)).to.deep.include({ threads: 11 });
    });

    it('has one thread where workers are forbidden, and fails if more are forced', () => {
      const environment = { BATCHNORM_BACKEND: 'wasm' };
      const options = [permissionOption, '--allow-fs-read=*'];
      const { output, error } = load(environment, ...options);
      expect(JSON.parse(output)).to.deep.include({ name: 'wasm', threads: 1 });
      expect(error).to.not.include('batchnorm');
      const forced = load({ ...environment, BATCHNORM_NUM_THREADS: '5' }, ...options);
      expect(forced.error).to.include('BATCHNORM_NUM_THREADS=5, but the WebAssembly backend');
    });

    it('fails if an ISA is forced with it', () => {
      const isa = load({ BATCHNORM_BACKEND: 'wasm', BATCHNORM_ISA: 'avx2' });
      expect(isa.error).to.include('BATCHNORM_ISA=avx2').and.to.include('BATCHNORM_BACKEND=wasm forbids');
    });

    it('fails if it is forced in an engine without WebAssembly', () => {
      const { error } = load({ BATCHNORM_BACKEND: 'wasm' }, '--jitless');
      expect(error).to.include('BATCHNORM_BACKEND=wasm, but this engine has no WebAssembly');
    });

    it('falls back to it where addons are forbidden, and to TypeScript without WebAssembly', () => {
      const reason = 'addons are forbidden in this process (--no-addons)';
      const nativeIsHere = backend.name === 'native';
      const fallback = JSON.parse(load({}, '--no-addons').output) as BackendInfo;
      expect(fallback.name).to.equal('wasm');
      if (nativeIsHere) expect(fallback.reason).to.equal(reason);
      const last = JSON.parse(load({}, '--no-addons', '--jitless').output) as BackendInfo;
      expect(last.name).to.equal('portable');
      expect(last.reason).to.include('this engine has no WebAssembly');
    });
  });

  it('works through require()', () => {
    const code = `const { backend } = require('batchnorm'); console.log(backend.name)`;
    const { stdout } = spawnSync(node.file, node.args('--no-warnings', '-e', code), {
      encoding: 'utf8',
    });
    expect(stdout.trim()).to.be.oneOf(['native', 'wasm', 'portable']);
  });
});
