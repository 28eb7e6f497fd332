// Builds and runs the native tests and random cases of every operation with the compiler in CXX, and loads the addon
// built from the same objects.
import { resolve } from 'node:path';
import { nativeBuild } from '../build/native-programs.mjs';
import { run } from '../process.mjs';

const compiler = process.env.CXX ?? 'c++';
const folder = nativeBuild(compiler, 'native_tests', 'stress', 'batchnorm');
console.log(`=== native tests, ${compiler}`);
run(`${folder}/test/native/native_tests`, process.argv.slice(2));
run(`${folder}/test/native/stress`, ['--cases', '3000']);
const load = 'console.log(`the addon is loaded: ${require(process.argv[1]).isa()}`)';
run(process.execPath, ['-e', load, resolve(folder, 'batchnorm.node')]);
