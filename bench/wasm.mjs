// node bench/wasm.mjs [ROUNDS]: the WebAssembly backend beside the AVX2 kernels on one thread, on two threads and, with
// --portable, beside TypeScript. Each backend runs in its own process; the processes take turns, and the times are medians. Needs `npm run check -- wasm-module`.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './resnet/median.mjs';

const worker = fileURLToPath(new URL('wasm/measure.mjs', import.meta.url));
const args = process.argv.slice(2);
const rounds = Number(args.find((each) => /^\d+$/.test(each)) ?? 5);
const backends = {
  native: { BATCHNORM_ISA: process.arch === 'x64' ? 'avx2' : 'neon', BATCHNORM_NUM_THREADS: '1' },
  wasm: { BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: '1' },
  'wasm on two threads': { BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: '2' },
  ...(args.includes('--portable') && { portable: { BATCHNORM_BACKEND: 'portable' } }),
};
const times = {};
for (let round = 0; round < rounds; round++) {
  for (const [name, environment] of Object.entries(backends)) {
    const output = execFileSync(process.execPath, [worker], {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
    for (const [work, milliseconds] of Object.entries(JSON.parse(output))) {
      ((times[work] ??= {})[name] ??= []).push(milliseconds);
    }
  }
}
console.table(
  Object.entries(times).map(([work, of]) => {
    const medians = Object.fromEntries(Object.entries(of).map(([name, values]) => [name, median(values)]));
    const columns = Object.entries(medians).map(([name, value]) => [
      `${name}, ms`,
      Number(value.toPrecision(3)),
    ]);
    const speed = medians.native / medians.wasm;
    return {
      work,
      ...Object.fromEntries(columns),
      'speed of wasm, native = 1': Number(speed.toPrecision(3)),
      'gain of two threads': Number((medians.wasm / medians['wasm on two threads']).toPrecision(3)),
    };
  }),
);
