import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { platform, readAdvice, warningsIn } from './support/bundles.mjs';
import { esm } from './support/programs.mjs';

export const packages = ['next@latest', 'react@latest', 'react-dom@latest'];

/** An application with one route, `/`, which exercises the package. */
function writeApplication(project, config) {
  project.write(
    'app/route.js',
    `${esm}
export const dynamic = 'force-dynamic';
export async function GET() {
  await exercise();
  return Response.json({ name: backend.name, reason: backend.reason });
}
`,
  );
  // Otherwise Next.js takes this checkout, because of its lock file, as the root of the application.
  const roots = { outputFileTracingRoot: project.folder, turbopack: { root: project.folder } };
  const text = JSON.stringify({ output: 'standalone', ...roots, ...config });
  project.write('next.config.mjs', `export default ${text};`);
}

function build(project, args = []) {
  const options = { env: { NEXT_TELEMETRY_DISABLED: '1' } };
  project.tool('next', ['build', ...args], options);
}

/** Runs the standalone server in an otherwise empty folder, while the project has no node_modules. */
async function standalone(project, use) {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-next-'));
  const hidden = project.path('node_modules.hidden');
  cpSync(project.path('.next/standalone'), folder, { recursive: true, verbatimSymlinks: true });
  renameSync(project.path('node_modules'), hidden);
  try {
    await use(folder, hidden);
  } finally {
    renameSync(hidden, project.path('node_modules'));
    rmSync(folder, { recursive: true });
  }
}

async function request(project, folder, backend) {
  const port = await freePort();
  const server = spawn(project.program, ['server.js'], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, PORT: String(port), HOSTNAME: '127.0.0.1' },
      ...{ EXPECTED_BACKEND: backend, NEXT_TELEMETRY_DISABLED: '1' },
    },
  });
  let log = '';
  server.stdout.on('data', (text) => (log += text));
  server.stderr.on('data', (text) => (log += text));
  const exited = once(server, 'exit');
  try {
    for (let attempt = 0; !log.includes('Ready'); attempt++) {
      assert.ok(attempt < 300 && server.exitCode === null, `the server did not start\n${log}`);
      await setTimeout(100);
    }
    const answers = [];
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(response.status, 200, log);
      answers.push(await response.json());
    }
    assert.deepEqual(answers[0], answers[1]);
    assert.equal(answers[0].name, backend);
    return { answer: answers[0], warnings: warningsIn(log) };
  } finally {
    server.kill();
    await exited;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

const binariesIn = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /batchnorm[^/]*\.node$/.test(name))
    .map((name) => join(folder, name));

async function expectNative(project, folder) {
  const { warnings } = await request(project, folder, 'native');
  assert.deepEqual(warnings, []);
}

async function expectAdvice(project, folder, hidden) {
  for (const binary of binariesIn(folder)) rmSync(binary);
  const { answer, warnings } = await request(project, folder, 'portable');
  const { source, destination } = readAdvice(answer, warnings);
  copyFileSync(join(hidden, source.replace('node_modules/', '')), destination);
  await expectNative(project, folder);
}

export const cases = {
  'bundled by Turbopack, as by default': async (project) => {
    writeApplication(project, {});
    build(project);
    await standalone(project, async (folder, hidden) => {
      await expectNative(project, folder);
      await expectAdvice(project, folder, hidden);
    });
  },
  'bundled by webpack, which copies no binaries for servers': async (project) => {
    writeApplication(project, {});
    build(project, ['--webpack']);
    await standalone(project, (folder, hidden) => expectAdvice(project, folder, hidden));
  },
  serverExternalPackages: async (project) => {
    writeApplication(project, { serverExternalPackages: ['batchnorm'] });
    for (const bundler of ['--turbopack', '--webpack']) {
      build(project, [bundler]);
      await standalone(project, async (folder) => {
        const traced = join(folder, 'node_modules/batchnorm/prebuilds', platform, 'batchnorm.node');
        assert.ok(binariesIn(folder).includes(traced), `${traced} was not traced`);
        await expectNative(project, folder);
      });
    }
  },
};
