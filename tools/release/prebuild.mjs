// Builds the binaries of a release into prebuilds/ and checks each: the given targets, or without arguments all that can
// be built on this system. On Linux it needs Debian's g++, g++-aarch64-linux-gnu, g++-mingw-w64-x86-64-posix, cmake, make
// and musl, and for the WebAssembly module what tools/build/wasm.mjs names.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { checkBinary } from './prebuild/check.mjs';
import { sha256, sourcesHash } from './prebuild/sources.mjs';
import { binaryOf, buildFolderOf, noteOf, targets, targetsOf } from './prebuild/targets.mjs';
import { buildWasm } from '../build/wasm/compile.mjs';
import { runQuietly } from '../process.mjs';

const chosen = process.argv.length > 2 ? process.argv.slice(2) : targetsOf(process.platform);
for (const target of chosen) {
  if (targets[target]?.host !== process.platform) {
    console.error(
      `Expected one of ${targetsOf(process.platform).join(', ')} on ${process.platform} but received ${JSON.stringify(target)}`,
    );
    process.exit(1);
  }
}
// Otherwise Binutils write the build time into Windows binaries.
process.env.SOURCE_DATE_EPOCH = '0';
for (const target of chosen) {
  if (target === 'wasm32') await compileWasm(target);
  else compile(target);
  finish(target);
}

async function compileWasm(target) {
  const binary = binaryOf(target);
  const built = join(buildFolderOf(target), basename(binary));
  await buildWasm(resolve(built));
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync(built, binary);
}

function compile(target) {
  const { toolchain, options = [] } = targets[target];
  const folder = buildFolderOf(target);
  const jobs = String(availableParallelism());
  runQuietly('cmake', [
    ...['-S', '.', '-B', folder, '-DBATCHNORM_WERROR=ON'],
    ...(toolchain ? [`-DCMAKE_TOOLCHAIN_FILE=${resolve(toolchain)}`] : []),
    ...options,
  ]);
  runQuietly('cmake', [
    ...['--build', folder, '--config', 'Release', '--parallel', jobs],
    ...['--target', 'batchnorm'],
  ]);
  const binary = binaryOf(target);
  rmSync(dirname(binary), { recursive: true, force: true });
  runQuietly('cmake', [
    ...['--install', folder, '--config', 'Release', '--strip'],
    ...['--prefix', resolve(dirname(binary))],
  ]);
}

/** Checks the binary and notes what it was built from. */
function finish(target) {
  const binary = binaryOf(target);
  checkBinary(target);
  const bytes = readFileSync(binary);
  const note = { bytes: bytes.length, sha256: sha256(bytes), sources: sourcesHash() };
  writeFileSync(noteOf(target), `${JSON.stringify(note, null, 2)}\n`);
  console.log(`built ${binary}: ${note.bytes} bytes, sha256 ${note.sha256}`);
}
