// The stress program on the scalar kernels under valgrind, which unlike AddressSanitizer detects branches and results
// that depend on uninitialized memory. Needs valgrind.
//
//   npm run check -- memcheck [CASES]    300 by default
import { run, runQuietly } from '../process.mjs';

const cases = process.argv[2] ?? '300';
const folder = 'build-memcheck';
runQuietly('cmake', [
  ...['-S', '.', '-B', folder, '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
  ...['-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_WERROR=ON'],
]);
runQuietly('cmake', ['--build', folder, '--parallel', '2', '--target', 'stress']);
run('valgrind', [
  ...['--quiet', '--error-exitcode=1', '--leak-check=full', '--errors-for-leak-kinds=definite'],
  '--show-leak-kinds=definite',
  ...[`${folder}/test/native/stress`, '--isa', 'scalar', '--cases', cases],
]);
