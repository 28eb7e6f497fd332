// node bench/channels-last.mjs [ROUNDS] [THREADS]: batch norm of [N, H, W, C] beside [N, C, H, W], measured alternately. The best
// of all rounds, in milliseconds; all buffers are warm.
import { setNumThreads } from '../dist/index.js';
import { backend } from '../dist/backend/index.js';
import { Storage } from '../dist/core/storage.js';

const [rounds = '15', threads = '1'] = process.argv.slice(2);
setNumThreads(Number(threads));

const shapes = [
  [32, 3, 112, 112],
  [32, 64, 56, 56],
  [32, 64, 112, 112],
  [32, 128, 28, 28],
  [64, 512, 28, 28],
  [32, 1024, 14, 14],
  [8, 64, 32, 32],
  [64, 16, 32, 32],
  [32, 100, 30, 30],
];

/** In memory of tensors, which begins at a cache line. */
function random(n) {
  const { values } = Storage.take(n);
  for (let i = 0; i < n; i++) values[i] = Math.random() - 0.5;
  return values;
}

/** The calls for images, channels and pixels of a plane. */
function callsOf(sizes, n) {
  const [x, dy, y, dx] = Array.from({ length: 4 }, () => random(n));
  const [scale, bias, mean, low, dscale, dbias] = Array.from({ length: 6 }, () => random(sizes[1]));
  const invStd = random(sizes[1]).map((value) => 1 + value);
  const statistics = [y, mean, low, invStd, null, null];
  return {
    inference: () => backend.batchNormInference(...sizes, 1e-5, false, x, scale, bias, mean, invStd, null, y),
    training: () =>
      backend.batchNormTraining(...sizes, 1e-5, 0.1, false, x, scale, bias, null, null, null, ...statistics),
    backward: () =>
      backend.batchNormBackward(
        ...[...sizes, false, x, dy, scale, mean, low, invStd, null, null, null, dx, null, dscale, dbias],
      ),
  };
}

function measure([images, channels, height, width]) {
  const n = images * channels * height * width;
  const front = callsOf([images, channels, height * width], n);
  const last = callsOf([images * height * width, channels, 1], n);
  const row = {};
  for (const name of Object.keys(front)) {
    const best = [Infinity, Infinity];
    for (let round = 0; round < Number(rounds); round++) {
      for (const [i, call] of [front[name], last[name]].entries()) {
        const start = performance.now();
        call();
        best[i] = Math.min(best[i], performance.now() - start);
      }
    }
    row[name] = best.map((time) => time.toFixed(2)).join(' / ');
    row[`${name} ×`] = Number((best[1] / best[0]).toFixed(2));
  }
  return row;
}

console.table(Object.fromEntries(shapes.map((shape) => [shape.join('×'), measure(shape)])));
