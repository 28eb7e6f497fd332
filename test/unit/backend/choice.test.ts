import { backend } from 'batchnorm';
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { node } from '../../support/node-process.js';

/** Loads the package in a separate process with this environment. */
function load(environment: Record<string, string>): { output: string; error: string } {
  const code = `import('batchnorm').then(({ backend }) => console.log(JSON.stringify(backend)),
    (error) => { console.error(error.message); process.exit(1); })`;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BATCHNORM_'));
  const { stdout, stderr } = spawnSync(node.file, node.args(...process.execArgv, '-e', code), {
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
    expect(error).to.include('Expected native or portable for BATCHNORM_BACKEND');
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

  it('works through require()', () => {
    const code = `const { backend } = require('batchnorm'); console.log(backend.name)`;
    const { stdout } = spawnSync(node.file, node.args('--no-warnings', '-e', code), {
      encoding: 'utf8',
    });
    expect(stdout.trim()).to.be.oneOf(['native', 'portable']);
  });
});
