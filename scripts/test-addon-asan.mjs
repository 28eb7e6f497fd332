// The addon under AddressSanitizer inside Node, whose run-time library is loaded first: what goes through the kernels
// from JavaScript, on the best ISA, or the tests that are named. Needs clang and its run-time libraries (Debian: clang
// libclang-rt-14-dev).
//
//   npm run test:addon-asan -- [tests]
import { createRequire } from 'node:module';
import { packageWith } from './package-with.mjs';
import { capture, run } from './run.mjs';
import { throughKernels } from './through-kernels.mjs';

const cwd = packageWith('build-addon-asan', [
  ...['-DCMAKE_C_COMPILER=clang', '-DCMAKE_CXX_COMPILER=clang++', '-DBATCHNORM_SANITIZE=address'],
  '-DCMAKE_MODULE_LINKER_FLAGS=-shared-libasan',
]);
const runtime = capture('clang', ['--print-file-name=libclang_rt.asan-x86_64.so']).trim();
const given = process.argv.slice(2);
const tests = given.length > 0 ? ['--no-config', '--timeout', '60000', ...given] : throughKernels;
run(
  process.execPath,
  [createRequire(import.meta.url).resolve('mocha/bin/mocha.js'), '--reporter', 'dot', ...tests],
  {
    cwd,
    env: {
      ...process.env,
      LD_PRELOAD: runtime,
      // Node itself leaves memory to the end of its process, and a request that cannot be met is a RangeError.
      ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
      BATCHNORM_BACKEND: 'native',
    },
  },
);
