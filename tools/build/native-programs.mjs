// A CMake build of the native code with one compiler. Tools that test and measure it share a folder, so that kernels are
// compiled only once.
import { run, runQuietly } from '../process.mjs';
import { buildFolderOf } from '../release/prebuild/targets.mjs';

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

/** Builds the targets from the objects of a release's binary; returns the build's folder. */
export function releaseBuild(platform, ...targets) {
  run(process.execPath, ['tools/release/prebuild.mjs', platform]);
  const folder = buildFolderOf(platform);
  runQuietly('cmake', ['-S', '.', '-B', folder, '-DBATCHNORM_NATIVE_TESTS=ON']);
  runQuietly('cmake', ['--build', folder, '--parallel', '2', '--target', ...targets]);
  return folder;
}
