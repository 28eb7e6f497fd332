// JavaScript runtimes from their npm packages, each in a separate folder: as dependencies of the project, those for
// other platforms would break npm ci.
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runQuietly } from '../../process.mjs';

/** @returns {string} the program `file` of an npm package, which is installed if necessary. */
export function runtime(name, version, file) {
  const folder = resolve('build-runtimes', `${name.replace('/', '-')}-${version}`);
  const program = join(folder, 'node_modules', name, file);
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    runQuietly('npm', ['install', '--no-save', '--force', `${name}@${version}`], { cwd: folder });
    chmodSync(program, 0o755);
  }
  return program;
}

export const qemuArm64 = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];

/** @returns {string[]} the command that starts this version of Node for 'linux-x64' or 'linux-arm64'. */
export function nodeCommand(platform, version) {
  const node = runtime(`node-${platform}`, version, 'bin/node');
  return platform === 'linux-arm64' ? [...qemuArm64, node] : [node];
}
