// node tools/check/wasm/run-wasi.mjs PROGRAM [ARGS...]: runs a command of WASI and ends with its exit status.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [, , program, ...args] = process.argv;
const wasi = new WASI({ version: 'preview1', args: [program, ...args], env: {}, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(program));
const instance = new WebAssembly.Instance(module, {
  ...wasi.getImportObject(),
  // As in a browser, there are no threads.
  env: { startThread: () => 0, milliseconds: () => performance.now() },
});
process.exitCode = wasi.start(instance);
