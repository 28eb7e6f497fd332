// The native tests and the stress program under AddressSanitizer with UndefinedBehaviorSanitizer,
// and under ThreadSanitizer. Needs clang and its run-time libraries (Debian: clang libclang-rt-14-dev).
//
//   npm run check -- sanitizers [CASES]    1000 by default
import { availableParallelism } from 'node:os';
import { run, runQuietly } from '../process.mjs';

const cases = process.argv[2] ?? '1000';
const settings = {
  'address,undefined': {
    ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  },
  // One test forks while threads run, as users may do, and its child starts new threads.
  thread: { TSAN_OPTIONS: 'die_after_fork=0:second_deadlock_stack=1' },
};

for (const [sanitizers, options] of Object.entries(settings)) {
  const folder = `build-sanitizers-${sanitizers.replace(',', '-')}`;
  runQuietly('cmake', [
    ...['-S', '.', '-B', folder, `-DBATCHNORM_SANITIZE=${sanitizers}`],
    ...['-DCMAKE_CXX_COMPILER=clang++', '-DBATCHNORM_ADDON=OFF'],
    ...['-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_WERROR=ON'],
  ]);
  runQuietly('cmake', ['--build', folder, '--parallel', String(availableParallelism())]);

  const env = { ...process.env, ...options };
  console.log(`=== native tests, ${sanitizers}`);
  run(`${folder}/test/native/native_tests`, [], { env });
  console.log(`=== stress, ${sanitizers}`);
  run(`${folder}/test/native/stress`, ['--cases', cases], { env });
}
