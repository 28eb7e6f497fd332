// node tools/build/wasm.mjs [FILE]: compiles the kernels and operations for WebAssembly into FILE, by default
// build/wasm/batchnorm.wasm, unless that is newer than its sources. Needs Debian's packages clang-19, lld-19, wasi-libc,
// libclang-rt-19-dev-wasm32 and libc++-19-dev-wasm32; CLANG names another clang.
import { resolve } from 'node:path';
import { buildWasm } from './wasm/compile.mjs';

const [, , file = 'build/wasm/batchnorm.wasm'] = process.argv;
const built = await buildWasm(resolve(file));
console.log(built ? `built ${file}` : `${file} is up to date`);
