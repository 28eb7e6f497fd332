// npm run bench: memory floors, our kernels, our package from JavaScript and every installed peer, on the same shapes and
// numbers of threads, interleaved round by round; writes bench/results/.
//
//   --rounds N    measurements of each (default 15)
//   --shapes I,J  only these of shapes.mjs, by index
//   --threads 1,2 numbers of threads (default: 1 and all)
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runQuietly } from '../tools/process.mjs';
import { Contestant } from './contestant.mjs';
import { compare } from './resnet/compare.mjs';
import { nameOf, shapes } from './shapes.mjs';
import { writeMarkdown } from './report/markdown.mjs';
import { writePage } from './report/page.mjs';
import { writeSummary } from './report/summary.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    shapes: { type: 'string' },
    threads: { type: 'string' },
  },
});
const list = (text) => text.split(',').map(Number);
const chosen = options.shapes === undefined ? shapes : list(options.shapes).map((i) => shapes[i]);
const threadCounts =
  options.threads === undefined ? [...new Set([1, availableParallelism()])] : list(options.threads);
const rounds = Number(options.rounds);

const build = 'build-bench';
runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_BENCH=ON']);
runQuietly('cmake', ['--build', build, '--parallel', '2']);

const results = {
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0].model.trim(),
  node: process.version,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  lastLevelCache: lastLevelCache(),
  contestants: contestants(1).map(({ name }) => name),
  cases: [],
  network: [],
};
for (const threads of threadCounts) {
  for (const shape of chosen) {
    results.cases.push({ shape, threads, milliseconds: await measure(shape, threads) });
    console.log(`${nameOf(shape)}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
  }
}
for (const threads of threadCounts) {
  results.network.push(...(await compare(threads, rounds)));
  console.log(`a step of ResNet-8, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
}
mkdirSync('bench/results', { recursive: true });
writeFileSync('bench/results/results.json', `${JSON.stringify(results)}\n`);
writeFileSync('bench/results/results.md', writeMarkdown(results));
writeFileSync('bench/results/summary.md', writeSummary(results));
writeFileSync('bench/results/index.html', await writePage(results));
console.log('bench/results/results.md, results.json and index.html written');

/** The installed contestants. Malloc is configured to keep its memory, since new pages in every call would cost a peer
 * more than its arithmetic, and to request huge pages, like our tensors and the floors. */
function contestants(threads) {
  const warm = {
    MALLOC_MMAP_MAX_: '0',
    MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  };
  const python = '/usr/bin/python3';
  const found = [
    new Contestant('kernels', `${build}/bench/native/bench_kernels`, []),
    new Contestant('batchnorm', process.execPath, ['bench/contestants/batchnorm.mjs'], {
      BATCHNORM_NUM_THREADS: String(threads),
    }),
  ];
  found[1].takesChw = true;
  if (existsSync(`${build}/bench/native/bench_onednn`)) {
    found.push(new Contestant('oneDNN', `${build}/bench/native/bench_onednn`, [], warm));
  }
  if (spawnSync(python, ['-c', 'import torch']).status === 0) {
    found.push(new Contestant('PyTorch', python, ['bench/contestants/pytorch.py'], warm));
  }
  for (const [name, file, module] of [
    ['onnxruntime', 'onnxruntime', 'onnxruntime-node'],
    ['TensorFlow.js', 'tensorflow', '@tensorflow/tfjs'],
  ]) {
    if (!existsSync(`bench/node_modules/${module}`)) continue;
    found.push(new Contestant(name, process.execPath, [`bench/contestants/${file}.mjs`], warm));
  }
  return found;
}

/** For each contestant and name, the milliseconds of every round. */
async function measure(shape, threads) {
  const taking = contestants(threads);
  const names = new Map();
  for (const each of taking) {
    each.start();
    names.set(each, await each.prepare(shape, threads));
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const milliseconds = {};
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const each of taking) {
      for (const name of names.get(each)) {
        const slow = each.name === 'TensorFlow.js';
        if (slow && round > 3) continue;
        const repeats = slow ? 1 : Math.max(1, Math.min(200, Math.round(2e6 / elements)));
        const spent = await each.run(name, repeats);
        if (round > 0) ((milliseconds[each.name] ??= {})[name] ??= []).push(spent);
      }
    }
  }
  for (const each of taking) await each.stop();
  return milliseconds;
}

/** Cache sizes in bytes, as our kernels detect them. */
function lastLevelCache() {
  const sizes = execFileSync(`${build}/bench/native/bench_kernels`, ['caches'], {
    encoding: 'utf8',
  });
  return Number(sizes.trim().split(' ')[2]);
}
