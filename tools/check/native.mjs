// Builds and runs the native tests and random cases of every operation with the compiler in CXX, and loads the addon
// built from the same objects. With `--release`, the objects are those of the release's binary for x64 Linux.
import { resolve } from 'node:path';
import { nativeBuild, releaseBuild } from '../build/native-programs.mjs';
import { run } from '../process.mjs';

const compiler = process.env.CXX ?? 'c++';
const ofRelease = process.argv.includes('--release');
const targets = ['native_tests', 'stress', 'batchnorm'];
const folder = ofRelease ? releaseBuild('linux-x64', ...targets) : nativeBuild(compiler, ...targets);
console.log(`=== native tests, ${ofRelease ? 'objects of the release' : compiler}`);
run(
  `${folder}/test/native/native_tests`,
  process.argv.slice(2).filter((argument) => argument !== '--release'),
);
run(`${folder}/test/native/stress`, ['--cases', '3000']);
const load = 'console.log(`the addon is loaded: ${require(process.argv[1]).isa()}`)';
run(process.execPath, ['-e', load, resolve(folder, 'batchnorm.node')]);
