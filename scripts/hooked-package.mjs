// The compiled package with an addon in which tests can make allocations fail and fake machines
// (native/system/test_hooks.h), in a folder of its own.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runQuietly } from './run.mjs';

/** @returns {string} the folder, with dist/, dist-dev/ and the addon. */
export function hookedPackage() {
  const build = 'build-hooks';
  runQuietly('cmake', [
    '-S',
    '.',
    '-B',
    build,
    '-DBATCHNORM_TEST_HOOKS=ON',
    '-DBATCHNORM_WERROR=ON',
  ]);
  runQuietly('cmake', ['--build', build, '--parallel', '2', '--target', 'batchnorm']);
  const folder = resolve('build-hooks-package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'build/Release'), { recursive: true });
  cpSync(join(build, 'batchnorm.node'), join(folder, 'build/Release/batchnorm.node'));
  for (const each of ['dist', 'dist-dev', 'package.json']) {
    cpSync(each, join(folder, each), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}
