// The binaries of a release: one for each platform, with the system that builds it and its CMake options, and the
// WebAssembly module.
import { basename, join } from 'node:path';

export const targets = {
  'linux-x64': { host: 'linux', toolchain: 'cmake/x86_64-linux-gnu.cmake' },
  'linux-arm64': { host: 'linux', toolchain: 'cmake/aarch64-linux-gnu.cmake' },
  'win32-x64': { host: 'linux', toolchain: 'cmake/x86_64-w64-mingw32.cmake' },
  'win32-arm64': { host: 'win32', options: ['-A', 'ARM64'] },
  'darwin-x64': { host: 'darwin', options: macos('x86_64') },
  'darwin-arm64': { host: 'darwin', options: macos('arm64') },
  wasm32: { host: 'linux' },
};

const isWasm = (target) => target === 'wasm32';

/** The targets that are platforms of Node, named as process.platform and process.arch name them. */
export const platforms = Object.keys(targets).filter((target) => !isWasm(target));

/** Targets that can be built on one system: 'linux', 'darwin' or 'win32'. */
export function targetsOf(host) {
  return Object.keys(targets).filter((name) => targets[name].host === host);
}

/** The paths of the binary and of the note about its build. */
export const binaryOf = (target) =>
  join('prebuilds', target, `batchnorm.${isWasm(target) ? 'wasm' : 'node'}`);
export const noteOf = (target) => join('prebuilds', target, 'batchnorm.json');

export const buildFolderOf = (target) => `build-${target}`;

/** The linked binary, before its symbols are stripped. */
export function linkedBinaryOf(target) {
  if (isWasm(target)) return binaryOf(target);
  const folder = targets[target].host === 'win32' ? 'Release' : '.';
  return join(buildFolderOf(target), folder, basename(binaryOf(target)));
}

function macos(architecture) {
  // The oldest macOS that supports Node 20.
  return [`-DCMAKE_OSX_ARCHITECTURES=${architecture}`, '-DCMAKE_OSX_DEPLOYMENT_TARGET=11.0'];
}
