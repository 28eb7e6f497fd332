// node bench/norms.mjs [ROUNDS] [THREADS]: layer, RMS, group and instance norm beside batch norm and a copy of as many bytes,
// and beside PyTorch and oneDNN if they are installed, measured alternately. Medians in milliseconds.
import { existsSync } from 'node:fs';
import { runQuietly, succeeds } from '../tools/process.mjs';
import { Contestant } from './contestant.mjs';
import { median } from './resnet/median.mjs';

const [rounds = '15', threads = '1'] = process.argv.slice(2);

/** Images, groups, channels of a group, plane. */
const cases = {
  'LayerNorm 4096×768': [4096, 1, 768, 1],
  'LayerNorm 16384×768': [16384, 1, 768, 1],
  'LayerNorm 65536×64': [65536, 1, 64, 1],
  'LayerNorm 8×150528': [8, 1, 150528, 1],
  'GroupNorm 32×64×56×56, 32 groups': [32, 32, 2, 56 * 56],
  'GroupNorm 32×256×56×56, 32 groups': [32, 32, 8, 56 * 56],
  'GroupNorm 32×512×7×7, 32 groups': [32, 32, 16, 7 * 7],
  'InstanceNorm 32×64×56×56': [32, 64, 1, 56 * 56],
  'InstanceNorm 32×256×14×14': [32, 256, 1, 14 * 14],
};

const build = 'build-bench';
runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_BENCH=ON']);
runQuietly('cmake', ['--build', build, '--parallel', '2']);

// Memory is kept and in huge pages, as that of our tensors, since new pages would cost a peer more than its arithmetic.
const warm = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};
const python = '/usr/bin/python3';
const contestants = [new Contestant('batchnorm', process.execPath, ['bench/contestants/norms.mjs'])];
const oneDnn = `${build}/bench/norms/bench_onednn_norms`;
if (existsSync(oneDnn)) contestants.push(new Contestant('oneDNN', oneDnn, [], warm));
if (succeeds(python, ['-c', 'import torch'])) {
  contestants.push(new Contestant('PyTorch', python, ['bench/contestants/pytorch_norms.py'], warm));
}

for (const each of contestants) each.start();
const table = {};
for (const [name, sizes] of Object.entries(cases)) table[name] = await measure(sizes);
for (const each of contestants) await each.stop();
console.table(table);

async function measure(sizes) {
  const times = new Map();
  const names = new Map();
  for (const each of contestants) names.set(each, await each.prepare(sizes, threads));
  const elements = sizes.reduce((product, size) => product * size, 1);
  const repeats = Math.max(1, Math.round(4e6 / elements));
  // The first round is a warm-up.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const each of contestants) {
      for (const run of names.get(each)) {
        const spent = await each.run(run, repeats);
        const key = `${each.name} ${run}`;
        if (round > 0) times.set(key, [...(times.get(key) ?? []), spent]);
      }
    }
  }
  const of = (run) => median(times.get(`batchnorm ${run}`));
  const row = { copy: rounded(of('copy')) };
  for (const pass of ['forward', 'backward']) {
    row[pass] = rounded(of(pass));
    row[`${pass} / batch norm`] = rounded(of(pass) / of(`batch norm ${pass}`));
    for (const { name } of contestants.slice(1)) {
      // The best of its layouts.
      const all = [...times].filter(([key]) => key.startsWith(`${name} ${pass}`));
      if (all.length === 0) continue;
      row[`${name} / ${pass}`] = rounded(Math.min(...all.map(([, values]) => median(values))) / of(pass));
    }
  }
  row['RMS norm'] = rounded(of('rms'));
  return row;
}

function rounded(value) {
  return Number(value.toPrecision(3));
}
