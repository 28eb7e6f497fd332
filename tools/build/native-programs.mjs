// A CMake build of the native code with one compiler. Tools that test and measure it share a folder, so that kernels are
// compiled only once.
import { runQuietly } from '../process.mjs';

/** Builds the targets; returns the build's folder. */
export function nativeBuild(compiler, ...targets) {
  const folder = `build-${compiler.replaceAll('+', 'p')}`;
  runQuietly('cmake', [
    ...['-S', '.', '-B', folder, `-DCMAKE_CXX_COMPILER=${compiler}`],
    ...['-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_BENCH=ON', '-DBATCHNORM_WERROR=ON'],
  ]);
  runQuietly('cmake', ['--build', folder, '--parallel', '2', '--target', ...targets]);
  return folder;
}
