import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { fallbackIn } from '../support/fallback.js';
import { emulated, node } from '../support/node-process.js';
import { packagePath } from '../support/package-path.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Trains, and saves to the given path. Prints the backend, the scale and the error. */
const program = `
import('batchnorm').then(async ({ backend, backward, BatchNorm2D, Sgd, Tensor }) => {
  const bn = new BatchNorm2D(2);
  const x = Tensor.from(Float32Array.from({ length: 1024 }, (_, i) => Math.sin(i)), [8, 2, 8, 8]);
  new Sgd({ lr: 0.1 }).update(bn, backward(bn.forwardMut(x.trace()).exp().mean()));
  const scale = bn.scale.array();
  const failure = await bn.save(process.argv[1]).then(() => null, ({ code }) => code);
  console.log(JSON.stringify({ backend, scale, failure }));
});`;

interface Outcome {
  readonly backend: { readonly name: string; readonly threads: number; readonly reason?: string };
  readonly scale: readonly number[];
  readonly failure: string | null;
}

/** Whether the default backend of this machine is the native one. */
const nativeIsHere = backend.name === 'native';

const fallback = fallbackIn(packagePath());

const flags = process.allowedNodeEnvironmentFlags;
const permission = flags.has('--permission') ? '--permission' : '--experimental-permission';
const hasPermissionModel = flags.has(permission);

const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('BATCHNORM_')),
);

interface Surroundings {
  /** The command that starts the process. */
  readonly around?: readonly string[];
  readonly forced?: NodeJS.ProcessEnv;
}

function execute(
  options: readonly string[],
  saved: string,
  { around = [], forced = {} }: Surroundings = {},
): Outcome & { errors: string } {
  const command = [...around, node.file, ...node.args(...options, '-e', program, saved)];
  const { stdout, stderr, status } = spawnSync(command[0], command.slice(1), {
    cwd: packagePath(),
    encoding: 'utf8',
    env: { ...environment, ...forced },
  });
  expect(status, stderr).to.equal(0);
  return { ...(JSON.parse(stdout) as Outcome), errors: stderr };
}

describe('a restricted process', () => {
  const path = temporaryDirectory();
  let expected: Outcome;
  before(() => {
    expected = execute([], path('free.npz'));
    expect(expected.failure).to.equal(null);
  });

  /** The result is the same on every backend. */
  function expectTrained({ scale }: Outcome): void {
    expect(scale).to.have.length(2);
    scale.forEach((value, i) => expect(value).to.be.closeTo(expected.scale[i], 1e-6));
  }

  describe("under Node's permission model", () => {
    before(function () {
      if (!hasPermissionModel) this.skip();
    });
    // The packages that the checkout uses may be a link to those of another one.
    const readOnly = [
      permission,
      ...[packagePath(), realpathSync(packagePath('node_modules'))].map(
        (folder) => `--allow-fs-read=${folder}`,
      ),
    ];

    it('falls back, gives the reason, and warns once', function () {
      const outcome = execute(readOnly, path('permission.npz'));
      expectTrained(outcome);
      expect(outcome.failure).to.equal('ERR_ACCESS_DENIED');
      expect(outcome.backend.name).to.equal(fallback);
      // Without a binary there is nothing to forbid.
      if (!nativeIsHere) this.skip();
      expect(outcome.backend.reason).to.equal(
        "Node's permission model forbids addons in this process; --allow-addons permits them",
      );
      const warnings = outcome.errors.match(/batchnorm runs on its slower \w+ backend: Node/g);
      expect(warnings).to.have.length(1);
    });

    it('uses the native backend if addons are allowed, although it may not write files', () => {
      const outcome = execute([...readOnly, '--allow-addons'], path('addons.npz'));
      expectTrained(outcome);
      expect(outcome.backend.name).to.equal(expected.backend.name);
      expect(outcome.failure).to.equal('ERR_ACCESS_DENIED');
    });

    it('fails if the native backend is forced', function () {
      if (!nativeIsHere) this.skip();
      const args = [...readOnly, '-e', program, path('forced.npz')];
      const { status, stderr } = spawnSync(node.file, node.args(...args), {
        cwd: packagePath(),
        encoding: 'utf8',
        env: { ...environment, BATCHNORM_BACKEND: 'native' },
      });
      expect(status).to.not.equal(0);
      expect(stderr).to.include("BATCHNORM_BACKEND=native, but Node's permission model");
    });
  });

  it('names --no-addons as the reason for the fallback', function () {
    if (!nativeIsHere) this.skip();
    const outcome = execute(['--no-addons'], path('no-addons.npz'));
    expectTrained(outcome);
    expect(outcome.backend).to.deep.include({
      name: fallback,
      reason: 'addons are forbidden in this process (--no-addons)',
    });
  });

  for (const forced of [{}, { BATCHNORM_BACKEND: 'portable' }]) {
    it(`generates no code from strings with ${JSON.stringify(forced)}`, () => {
      const option = '--disallow-code-generation-from-strings';
      const outcome = execute([option], path('strings.npz'), { forced });
      expectTrained(outcome);
      expect(outcome.failure).to.equal(null);
    });
  }

  it('trains on a read-only file system, where saving fails with EROFS', function () {
    // A user namespace with a read-only root file system; some containers forbid this.
    const around = ['unshare', '-rm', 'sh', '-c', 'mount -o remount,bind,ro / && exec "$@"', 'sh'];
    const [command, ...options] = [...around, 'true'];
    if (emulated || spawnSync(command, options).status !== 0) this.skip();
    mkdirSync(path('folder'));
    const outcome = execute([], path('folder', 'read-only.npz'), { around });
    expectTrained(outcome);
    expect(outcome.backend).to.deep.equal(expected.backend);
    expect(outcome.failure).to.equal('EROFS');
  });

  it('uses one thread if it is bound to one of many processors', function () {
    if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0) {
      this.skip();
    }
    const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
    const around = ['taskset', '-c', allowed?.[1] ?? '0'];
    const outcome = execute([], path('affinity.npz'), { around });
    expectTrained(outcome);
    expect(outcome.backend).to.deep.equal({ ...expected.backend, threads: 1 });
  });
});
