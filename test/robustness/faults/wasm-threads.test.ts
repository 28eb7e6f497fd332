import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';

const program = fileURLToPath(new URL('./wasm-threads/program.js', import.meta.url));

/** Runs a process that computes on threads of the WebAssembly backend. */
function run(part: string, ...options: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(node.file, node.args(...options, program, part), {
    encoding: 'utf8',
    env: { ...process.env, BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: '3' },
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}

describe('a process with threads of the WebAssembly backend', function () {
  this.timeout(120_000);

  before(function () {
    if (backend.name !== 'wasm' || 'bun' in process.versions || 'deno' in process.versions) this.skip();
  });

  const silent = { signal: null, stdout: '', stderr: '' };

  it('ends when its own work is done', () => {
    expect(run('end')).to.deep.equal({ ...silent, status: 0 });
  });

  it('ends by process.exit(), and computes in its exit handlers', () => {
    expect(run('exit')).to.deep.equal({ ...silent, status: 3 });
    expect(run('exit handler')).to.deep.equal({ ...silent, status: 0 });
  });

  it('ends after an error, and when a promise can no longer settle', () => {
    const { status, stderr } = run('throw');
    expect({ status, thrown: stderr.includes('thrown on purpose') }).to.deep.equal({
      status: 1,
      thrown: true,
    });
    expect(run('unsettled').status).to.equal(13);
  });

  it('ends the threads of a worker with it', function () {
    if (process.platform !== 'linux') this.skip();
    const { status, stdout, stderr } = run('worker');
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    expect((JSON.parse(stdout) as { started: number }).started).to.be.at.least(3);
  });

  it('runs nothing in its threads that Node preloads', () => {
    const code =
      "import { isMainThread } from 'node:worker_threads'; if (!isMainThread) console.log('preloaded')";
    const preloaded = `data:text/javascript,${encodeURIComponent(code)}`;
    expect(run('end', '--import', preloaded)).to.deep.equal({ ...silent, status: 0 });
  });
});
