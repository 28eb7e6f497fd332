// Tests the NEON kernels under emulation: the native tests, random cases of every operation, and mocha in an arm64 Node
// with the binary of a release. mocha runs the tests of what kernels compute, or the whole suite with `--whole`. Needs Debian's
// g++-aarch64-linux-gnu and qemu-user-static.
import { join, resolve } from 'node:path';
import { copyCheckout } from './support/checkout-copy.mjs';
import { releaseBuild } from '../build/native-programs.mjs';
import { run } from '../process.mjs';
import { nodeCommand, qemuArm64 } from './support/runtime-programs.mjs';
import { smallResultsOfKernels, wholeSuite } from './support/suites.mjs';

const target = 'linux-arm64';
const folder = releaseBuild(target, 'native_tests', 'stress');

console.log('=== native tests, NEON under emulation');
run(qemuArm64[0], [...qemuArm64.slice(1), join(folder, 'test/native/native_tests')]);
run(qemuArm64[0], [...qemuArm64.slice(1), join(folder, 'test/native/stress'), '--cases', '300']);

console.log('=== mocha, NEON under emulation');
const copy = resolve('build-arm64-checkout');
copyCheckout(copy);
const [emulator, ...node] = nodeCommand(target, '20.19.6');
const suite = process.argv.includes('--whole') ? wholeSuite : smallResultsOfKernels;
run(emulator, [...node, 'node_modules/mocha/bin/mocha.js', '--reporter', 'dot', ...suite], {
  cwd: copy,
  env: {
    ...process.env,
    BATCHNORM_BACKEND: 'native',
    BATCHNORM_ISA: 'neon',
    // npm has installed esbuild, with which a test bundles the package, for this machine only.
    ESBUILD_BINARY_PATH: resolve(`node_modules/@esbuild/${process.platform}-${process.arch}/bin/esbuild`),
    // Tests start further processes with this command.
    BATCHNORM_TEST_NODE: JSON.stringify([emulator, ...node]),
  },
});
