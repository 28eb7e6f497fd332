// The NEON kernels under emulation: the native tests and random cases of every operation, then the mocha suite in a real
// arm64 Node, with the binary that a release holds; what goes through the kernels, or with `--whole` all of it. Needs
// Debian's g++-aarch64-linux-gnu and qemu-user-static.
import { join, resolve } from 'node:path';
import { copyCheckout } from './checkout-copy.mjs';
import { buildFolderOf } from './prebuild/targets.mjs';
import { run, runQuietly } from './run.mjs';
import { nodeCommand, qemuArm64 } from './runtimes.mjs';
import { throughKernels } from './through-kernels.mjs';

const target = 'linux-arm64';
const folder = buildFolderOf(target);

// The addon and the native tests share what is compiled.
run(process.execPath, ['scripts/prebuild.mjs', target]);
runQuietly('cmake', ['-S', '.', '-B', folder, '-DBATCHNORM_NATIVE_TESTS=ON']);
runQuietly('cmake', ['--build', folder, '--parallel', '2', '--target', 'native_tests', 'stress']);

console.log('=== native tests, NEON under emulation');
run(qemuArm64[0], [...qemuArm64.slice(1), join(folder, 'test/native/native_tests')]);
run(qemuArm64[0], [...qemuArm64.slice(1), join(folder, 'test/native/stress'), '--cases', '300']);

console.log('=== mocha, NEON under emulation');
const copy = resolve('build-arm64-checkout');
copyCheckout(copy);
const [emulator, ...node] = nodeCommand(target, '20.19.6');
const which = process.argv.includes('--whole') ? [] : throughKernels;
run(emulator, [...node, 'node_modules/mocha/bin/mocha.js', '--reporter', 'dot', ...which], {
  cwd: copy,
  env: {
    ...process.env,
    BATCHNORM_BACKEND: 'native',
    BATCHNORM_ISA: 'neon',
    // How tests start further processes.
    BATCHNORM_TEST_NODE: JSON.stringify([emulator, ...node]),
  },
});
