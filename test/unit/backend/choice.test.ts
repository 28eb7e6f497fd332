import { backend } from 'batchnorm';
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { node } from '../../support/node-process.js';

/** Loads the package in a process of its own with this environment. */
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

describe('choice of the backend, in a process of its own', () => {
  it('takes the portable backend where that is forced', () => {
    const { output } = load({ BATCHNORM_BACKEND: 'portable' });
    expect(JSON.parse(output)).to.deep.include({ name: 'portable', isa: 'js', threads: 1 });
  });

  it('fails where an ISA is forced that this processor lacks', () => {
    const foreign = process.arch === 'x64' ? 'neon' : 'avx2';
    const { error } = load({ BATCHNORM_ISA: foreign });
    expect(error).to.include('BATCHNORM_ISA').and.to.include(foreign);
  });

  it('fails where the environment makes no sense', () => {
    const { error } = load({ BATCHNORM_BACKEND: 'cuda' });
    expect(error).to.include('Expected native or portable for BATCHNORM_BACKEND');
  });

  it('uses as many threads as are forced', function () {
    if (backend.name !== 'native') return;
    const { output } = load({ BATCHNORM_NUM_THREADS: '5' });
    expect(JSON.parse(output)).to.deep.include({ name: 'native', threads: 5 });
  });

  it('fails where more threads are forced than the portable backend has', () => {
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
