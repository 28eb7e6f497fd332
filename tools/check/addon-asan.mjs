// Runs mocha tests with the addon under AddressSanitizer, whose run-time library is loaded before Node: the tests of the
// kernels on the best ISA, or the named ones. Needs clang and its run-time libraries (Debian: clang libclang-rt-14-dev).
//
//   npm run check -- addon-asan [TESTS]
import { createRequire } from 'node:module';
import { packageWith } from '../build/package-with-addon.mjs';
import { capture, run } from '../process.mjs';
import { throughKernels } from './support/suites.mjs';

const cwd = packageWith('build-addon-asan', [
  ...['-DCMAKE_C_COMPILER=clang', '-DCMAKE_CXX_COMPILER=clang++', '-DBATCHNORM_SANITIZE=address'],
  '-DCMAKE_MODULE_LINKER_FLAGS=-shared-libasan',
]);
const runtime = capture('clang', ['--print-file-name=libclang_rt.asan-x86_64.so']).trim();
const given = process.argv.slice(2);
const tests = given.length > 0 ? given : throughKernels;
run(
  process.execPath,
  [createRequire(import.meta.url).resolve('mocha/bin/mocha.js'), '--reporter', 'dot', ...tests],
  {
    cwd,
    env: {
      ...process.env,
      LD_PRELOAD: runtime,
      // Node does not free all memory at exit, and a failed allocation must become a RangeError.
      ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
      BATCHNORM_BACKEND: 'native',
    },
  },
);
