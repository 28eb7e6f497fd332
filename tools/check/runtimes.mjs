// Tests the packed package, with the same binary, on every supported Node for x64 and, under emulation, arm64: a smoke
// test on each, on Bun and on Deno, on x64 also with the WebAssembly backend, and the whole suite on two. Runtimes come from
// npm. Needs the compilers of tools/release/prebuild.mjs and Debian's qemu-user-static.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { copyCheckout } from './support/checkout-copy.mjs';
import { packedTarball } from '../release/pack/tarball.mjs';
import { run, runQuietly } from '../process.mjs';
import { nodeCommand, runtime } from './support/runtime-programs.mjs';

const folder = resolve('build-runtimes');
const project = join(folder, 'project');
rmSync(project, { recursive: true, force: true });
mkdirSync(project, { recursive: true });
writeFileSync(join(project, 'package.json'), '{ "private": true }');
runQuietly('npm', ['install', packedTarball(folder)], { cwd: project });
copyFileSync('test/install/smoke.mjs', join(project, 'smoke.mjs'));

const onWasm = { ...process.env, BATCHNORM_BACKEND: 'wasm' };
for (const platform of ['linux-x64', 'linux-arm64']) {
  for (const version of ['20', '22', '24', 'latest']) {
    const [program, ...args] = nodeCommand(platform, version);
    run(program, [...args, 'smoke.mjs'], { cwd: project });
    if (platform === 'linux-x64') run(program, [...args, 'smoke.mjs'], { cwd: project, env: onWasm });
  }
}

const bun = runtime('@oven/bun-linux-x64', 'latest', 'bin/bun');
const deno = runtime('@deno/linux-x64-glibc', 'latest', 'deno');
for (const [name, program, ...args] of [
  ['Bun', bun],
  ['Deno', deno, 'run', '--allow-all'],
]) {
  console.log(name);
  run(program, [...args, 'smoke.mjs'], { cwd: project });
  run(program, [...args, 'smoke.mjs'], { cwd: project, env: onWasm });
}

const copy = join(folder, 'checkout');
copyCheckout(copy);
for (const version of ['24', 'latest']) {
  console.log(`\n##### the whole suite on Node ${version}`);
  const [node] = nodeCommand('linux-x64', version);
  run(node, ['tools/check/backends.mjs'], { cwd: copy });
}
