// node bench/onnxruntime.mjs [ROUNDS] [THREADS]: inference by ResNet-8 on images of 32 x 32 and by ResNet-18 on images of 224 x 224,
// in batches of 1 and 32: compiled plans of this package and onnxruntime-node, both on the same exported ONNX file. Each is a
// separate process; they take turns, and the times are medians. Needs `npm ci` in bench/, and a compiled checkout.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportOnnx } from '../dist/onnx.js';
import { ResNet18 } from '../dist-dev/examples/models/resnet-18.js';
import { Contestant } from './contestant.mjs';
import { median } from './resnet/median.mjs';
import { resnet8 } from './resnet/network.mjs';

const [rounds = '15', threads = '1,2'] = process.argv.slice(2);

/** Milliseconds that a turn takes about, so that threads are awake and caches warm. */
const turnMilliseconds = 200;

const networks = [
  { name: 'ResNet-8', model: resnet8(), size: 32 },
  { name: 'ResNet-18', model: new ResNet18(), size: 224 },
];

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
try {
  const rows = [];
  for (const { name, model, size } of networks) {
    for (const images of [1, 32]) {
      const shape = [images, 3, size, size];
      const file = join(folder, `${name}-${images}.onnx`);
      await exportOnnx(model, file, { input: shape });
      for (const count of threads.split(',').map(Number)) {
        const [ours, theirs] = await compare(file, shape, count);
        rows.push({
          network: name,
          batch: images,
          threads: count,
          'batchnorm ms': rounded(ours.milliseconds),
          'onnxruntime ms': rounded(theirs.milliseconds),
          'times as fast': rounded(theirs.milliseconds / ours.milliseconds),
          'batchnorm MiB': Math.round(ours.mebibytes),
          'onnxruntime MiB': Math.round(theirs.mebibytes),
        });
        console.table(rows.slice(-1));
      }
    }
  }
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}

/** Measures both on one file, alternately. */
async function compare(file, shape, count) {
  const environment = { BATCHNORM_NUM_THREADS: String(count) };
  const contestants = [
    new Contestant('batchnorm', process.execPath, ['bench/contestants/plan.mjs', file], environment),
    new Contestant('onnxruntime', process.execPath, ['bench/contestants/onnxruntime_file.mjs', file]),
  ];
  const turns = [];
  for (const each of contestants) {
    each.start();
    await each.prepare(shape, count);
    const once = await each.run('inference', 3);
    turns.push({ each, repeats: Math.max(1, Math.round(turnMilliseconds / once)), times: [] });
  }
  for (let round = 0; round < Number(rounds); round++) {
    for (const { each, repeats, times } of turns) times.push(await each.run('inference', repeats));
  }
  const results = turns.map(({ each, times }) => ({
    milliseconds: median(times),
    mebibytes: each.peakMemory(),
  }));
  for (const each of contestants) await each.stop();
  return results;
}

function rounded(value) {
  return Number(value.toPrecision(3));
}
