// Coverage-guided fuzzing of the operations against the float64 oracle, under AddressSanitizer with
// UndefinedBehaviorSanitizer. Needs clang and its run-time libraries (Debian: clang
// libclang-rt-14-dev).
//
//   npm run check -- fuzz [EXECUTIONS]    20000 by default
//
// The corpus stays in build-fuzz/corpus, so that the next run continues from it. A failing input is left in
// build-fuzz; `build-fuzz/test/native/fuzz/fuzz FILE` runs it again.
import { mkdirSync } from 'node:fs';
import { run, runQuietly } from '../process.mjs';

const executions = process.argv[2] ?? '20000';
if (!/^[1-9]\d*$/.test(executions)) {
  console.error(`Expected a positive number of executions but received "${executions}"`);
  process.exit(2);
}

const folder = 'build-fuzz';
runQuietly('cmake', [
  ...['-S', '.', '-B', folder, '-DCMAKE_CXX_COMPILER=clang++', '-DBATCHNORM_ADDON=OFF'],
  ...['-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_FUZZ=ON', '-DBATCHNORM_WERROR=ON'],
  '-DBATCHNORM_SANITIZE=address,undefined',
]);
runQuietly('cmake', [
  ...['--build', folder, '--parallel', '2', '--target', 'fuzz', '--target', 'fuzz_seeds'],
]);

const programs = `${folder}/test/native/fuzz`;
for (const name of ['seeds', 'corpus']) mkdirSync(`${folder}/${name}`, { recursive: true });
run(`${programs}/fuzz_seeds`, [`${folder}/seeds`, '400']);
run(`${programs}/fuzz`, [
  ...[`-runs=${executions}`, '-max_len=512', '-timeout=600', '-print_final_stats=1'],
  ...[`-artifact_prefix=${folder}/`, `${folder}/corpus`, `${folder}/seeds`],
]);
