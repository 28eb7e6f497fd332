import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

interface Npm {
  readonly program: string;
  readonly cache: string;
  readonly registry: string;
  readonly path: string;
}

const npm = JSON.parse(process.env.BATCHNORM_TEST_NPM ?? 'null') as Npm | null;

/** The package as npm packs it. */
export const tarball = process.env.BATCHNORM_TARBALL ?? '';

/** The folder in `prebuilds` for this machine, and the best ISA of its binary. */
export const platform = `${process.platform}-${process.arch}`;

/** The output of a program that contains `training`. */
export interface Printed {
  readonly backend: { readonly name: string; readonly isa: string; readonly reason?: string };
  readonly y: readonly number[];
}

/** Trains one step and prints the backend and a result that is equal on every backend. */
export const training = `
const x = Tensor.from([1, 2, 3, 4], [2, 1, 1, 2]);
const bn = new BatchNorm2D(1);
const y = bn.forwardMut(x.trace());
const shown = Array.from(y.array().flat(3), (value) => Math.round(value * 1e4) / 1e4);
new Sgd({ lr: 0.1 }).update(bn, backward(y.square().mean()));
console.log(JSON.stringify({ backend, y: shown }));
`;

export const expectedY = [-1.3416, -0.4472, 0.4472, 1.3416];

export const esmProgram = `import { backend, backward, BatchNorm2D, Sgd, Tensor } from 'batchnorm';
import { batchNormInference } from 'batchnorm/raw';
if (typeof batchNormInference !== 'function') throw new Error('batchnorm/raw exports no kernels');
${training}`;

/** A user's empty folder, with only node and npm in the PATH. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'batchnorm-install-'));

  constructor() {
    this.write('package.json', '{ "private": true }');
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  /** npm with these arguments, without network. */
  npm(...args: string[]): void {
    if (npm === null) throw new Error('Start this with npm run check -- install');
    const { status, stderr, stdout } = this.spawn(npm.program, '--offline', ...args);
    expect(status, `npm ${args.join(' ')}: ${stdout}${stderr}`).to.equal(0);
    expect(stderr, `npm ${args.join(' ')}`).to.equal('');
  }

  /** A command of an installed package. */
  npx(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    if (npm === null) throw new Error('Start this with npm run check -- install');
    return this.spawn(npm.program, 'exec', '--offline', '--', ...args);
  }

  /** Runs a program of the folder and returns its outputs. */
  node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return this.spawn(...args);
  }

  /** Runs a program of the folder that must succeed without output on stderr; returns its stdout. */
  printed(...args: string[]): Printed {
    const { status, stdout, stderr } = this.node(...args);
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
    return JSON.parse(stdout) as Printed;
  }

  /** A copy of the project, including everything installed in it. */
  copy(): Project {
    const copy = new Project();
    cpSync(this.folder, copy.folder, { recursive: true });
    return copy;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private spawn(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(path|home|node_options|batchnorm_.*)$/i.test(name),
    );
    return spawnSync(process.execPath, args, {
      cwd: this.folder,
      encoding: 'utf8',
      env: {
        ...Object.fromEntries(inherited),
        PATH: npm?.path,
        HOME: this.folder,
        npm_config_cache: npm?.cache,
        npm_config_registry: npm?.registry,
        npm_config_audit: 'false',
        npm_config_fund: 'false',
        npm_config_update_notifier: 'false',
      },
    });
  }
}

/** A project with the package installed, for a suite; call within `describe`. */
export function installedProject(): () => Project {
  let project: Project | undefined;
  before(() => {
    project = new Project();
    project.npm('install', tarball);
  });
  after(() => project?.remove());
  return () => {
    if (project === undefined) throw new Error('Expected a test within the suite');
    return project;
  };
}

export function expectNative({ backend, y }: Printed): void {
  expect(backend).to.deep.include({ name: 'native' });
  expect(backend.reason).to.equal(undefined);
  expect(y).to.deep.equal(expectedY);
}

/** The package without a usable native binary computes with its WebAssembly module. */
export function expectFallback({ backend, y }: Printed, reason: string): void {
  expect(backend).to.deep.include({ name: 'wasm', isa: 'wasm128' });
  expect(backend.reason).to.include(reason);
  expect(y).to.deep.equal(expectedY);
}
