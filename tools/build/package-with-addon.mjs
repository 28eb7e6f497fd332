// The compiled package with a separately built addon, in a separate folder.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runQuietly } from '../process.mjs';

/**
 * @param build The folder of the build; the package is created beside it.
 * @param options Options of CMake.
 * @returns {string} the package's folder, with dist/, dist-dev/, the addon and the files of the checkout that tests read.
 */
export function packageWith(build, options) {
  runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_WERROR=ON', ...options]);
  runQuietly('cmake', ['--build', build, '--parallel', '2', '--target', 'batchnorm']);
  const folder = resolve(`${build}-package`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'build/Release'), { recursive: true });
  cpSync(join(build, 'batchnorm.node'), join(folder, 'build/Release/batchnorm.node'));
  for (const each of ['dist', 'dist-dev', 'package.json']) {
    cpSync(each, join(folder, each), { recursive: true });
  }
  for (const each of ['lib', 'node_modules', 'test', 'tools']) {
    symlinkSync(resolve(each), join(folder, each));
  }
  return folder;
}
