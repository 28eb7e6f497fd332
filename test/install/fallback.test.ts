import { backend } from 'batchnorm';
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { targets } from '#lib/backend/binary-paths';
import { node } from '../support/node-process.js';

const root = dirname(createRequire(import.meta.url).resolve('batchnorm/package.json'));

/** The binary that this process runs on: built here, or shipped. */
function ownBinary(): string {
  const platform = `${process.platform}-${process.arch}`;
  const candidates = ['build/Release', `prebuilds/${platform}`].map((each) =>
    join(root, each, 'batchnorm.node'),
  );
  const found = candidates.find((each) => existsSync(each));
  if (found === undefined) throw new Error(`Expected one of ${candidates.join(', ')}`);
  return found;
}

const program = `
import { backend, BatchNorm2D, Tensor, backward } from 'batchnorm';
const x = Tensor.from([1, 2, 3, 4], [2, 1, 1, 2]);
const bn = new BatchNorm2D(1);
const y = bn.forwardMut(x.trace());
const shown = y.array();
backward(y.square().mean());
console.log(JSON.stringify({ backend, shown }));`;

interface Outcome {
  readonly status: number | null;
  readonly error: string;
  readonly printed: { backend: Record<string, unknown>; shown: number[][][][] } | undefined;
}

/** A library that the published bundle contains. */
function copyGenerator(folder: string): void {
  const path = 'node_modules/pure-rand';
  cpSync(join(root, path), join(folder, path), { recursive: true });
}

describe('a package without its native binary', () => {
  let folder: string;
  let installed: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
    installed = join(folder, 'node_modules/batchnorm');
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(installed, 'package.json'));
    copyGenerator(folder);
    writeFileSync(join(folder, 'program.mjs'), program);
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  function runProgram(environment: Record<string, string> = {}): Outcome {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BATCHNORM_'));
    const { status, stdout, stderr } = spawnSync(node.file, node.args('program.mjs'), {
      cwd: folder,
      encoding: 'utf8',
      env: { ...Object.fromEntries(inherited), ...environment },
    });
    const printed = status === 0 ? (JSON.parse(stdout) as Outcome['printed']) : undefined;
    return { status, error: stderr, printed };
  }

  it('trains on the portable backend without a warning, and gives the reason', () => {
    const { error, printed } = runProgram();
    expect(error).to.equal('');
    expect(printed?.backend.name).to.equal('portable');
    expect(printed?.backend.reason).to.include('no native binary');
    expect(printed?.shown.flat(3)[0]).to.be.closeTo(-1.5 / Math.sqrt(1.25), 1e-5);
  });

  it('fails if the native backend is forced', () => {
    const { status, error } = runProgram({ BATCHNORM_BACKEND: 'native' });
    expect(status).to.not.equal(0);
    expect(error).to.include('BATCHNORM_BACKEND=native, but no native binary');
  });

  it('fails if an ISA is forced', () => {
    const { status, error } = runProgram({ BATCHNORM_ISA: 'scalar' });
    expect(status).to.not.equal(0);
    expect(error).to.include('BATCHNORM_ISA=scalar, but no native binary');
  });

  it('warns once and falls back if the binary does not load', () => {
    mkdirSync(join(installed, 'build/Release'), { recursive: true });
    writeFileSync(join(installed, 'build/Release/batchnorm.node'), 'not a library');
    const { error, printed } = runProgram();
    expect(error.match(/batchnorm runs on its slower TypeScript backend/g)).to.have.length(1);
    expect(printed?.backend.name).to.equal('portable');
    expect(printed?.backend.reason).to.include('does not load');
    rmSync(join(installed, 'build'), { recursive: true });
  });
});

describe('a bundle without its native binary', () => {
  let folder: string;

  before(function () {
    // Only there does the package have a binary that can be lost.
    if (!targets.includes(`${process.platform}-${process.arch}`)) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
    folder = realpathSync(folder);
    cpSync(join(root, 'dist'), join(folder, 'server'), { recursive: true });
    copyGenerator(join(folder, 'server'));
    for (const place of ['package.json', 'server/package.json']) {
      writeFileSync(join(folder, place), '{ "name": "application", "type": "module" }');
    }
    writeFileSync(
      join(folder, 'server/program.mjs'),
      "import { backend } from './index.js';\nconsole.log(JSON.stringify(backend));",
    );
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true });
  });

  function run(environment: Record<string, string> = {}, options: readonly string[] = []) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BATCHNORM_'));
    return spawnSync(node.file, node.args(...options, join(folder, 'server/program.mjs')), {
      cwd: folder,
      encoding: 'utf8',
      env: { ...Object.fromEntries(inherited), ...environment },
    });
  }

  function destination(): string {
    const { stdout, stderr } = run();
    const { name, reason } = JSON.parse(stdout) as { name: string; reason: string };
    expect(name).to.equal('portable');
    expect(stderr.match(/Warning: /g)).to.have.length(1);
    expect(stderr).to.include(reason);
    const [, source, target] = /; copy (\S+) to (.*)$/.exec(reason) ?? [];
    const platform = `${process.platform}-${process.arch}`;
    expect(source).to.equal(`node_modules/batchnorm/prebuilds/${platform}/batchnorm.node`);
    return target ?? '';
  }

  it('warns once and advises which file to copy', () => {
    expect(destination().startsWith(join(folder, 'server'))).to.equal(true);
  });

  it('fails if the native backend is forced', () => {
    const { status, stderr } = run({ BATCHNORM_BACKEND: 'native' });
    expect(status).to.not.equal(0);
    expect(stderr).to.include('BATCHNORM_BACKEND=native, but this bundle has lost');
  });

  it('is native after the binary was copied there', function () {
    if (backend.name !== 'native') this.skip();
    cpSync(ownBinary(), destination());
    const { stdout, stderr } = run();
    expect(stderr).to.equal('');
    expect(JSON.parse(stdout)).to.include({ name: 'native' });
  });

  it('is native if Node may read only the folder of the bundle', function () {
    const flags = process.allowedNodeEnvironmentFlags;
    const flag = flags.has('--permission') ? '--permission' : '--experimental-permission';
    if (backend.name !== 'native' || !flags.has(flag)) this.skip();
    const readServer = `--allow-fs-read=${join(folder, 'server')}/`;
    const { stdout, stderr } = run({}, [flag, '--allow-addons', readServer]);
    expect(stderr).to.not.include('batchnorm');
    expect(JSON.parse(stdout)).to.include({ name: 'native' });
  });
});
