// Builds and runs the native tests on this machine, with the compiler in CXX.
import { run, runQuietly } from './run.mjs';

const options = ['-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_NATIVE_TESTS=ON', '-DBATCHNORM_WERROR=ON'];

const compiler = process.env.CXX ?? 'c++';
const folder = `build-tests-${compiler.replace(/\W/g, '')}`;
runQuietly('cmake', ['-S', '.', '-B', folder, `-DCMAKE_CXX_COMPILER=${compiler}`, ...options]);
runQuietly('cmake', ['--build', folder, '--parallel', '2']);
console.log(`=== native tests, ${compiler}`);
run(`${folder}/test/native/native_tests`, process.argv.slice(2));
