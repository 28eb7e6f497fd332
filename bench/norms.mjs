// node bench/norms.mjs [ROUNDS] [THREADS]: layer, RMS, group and instance norm beside batch norm on as many bytes, and the
// system's memory copy. The best of all rounds, in milliseconds; all buffers are warm.
import { setNumThreads } from '../dist/index.js';
import { backend } from '../dist/backend/index.js';

const [rounds = '40', threads = '1'] = process.argv.slice(2);
setNumThreads(Number(threads));

// Images, groups, channels of a group, plane.
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

const random = (n) => Float32Array.from({ length: n }, () => Math.random() - 0.5);

function best(call) {
  let shortest = Infinity;
  for (let round = 0; round < Number(rounds); round++) {
    const start = performance.now();
    call();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}

function measure([images, groups, channels, plane]) {
  const n = images * groups * channels * plane;
  const [x, dy, y, dx] = [random(n), random(n), random(n), random(n)];
  const perRow = () => random(images * groups);
  const perChannel = () => random(groups * channels);
  const sizes = [images, groups, channels, plane];
  const [scale, bias, dscale, dbias] = Array.from({ length: 4 }, perChannel);
  const statistics = [perRow(), perRow(), perRow()];
  // Tables become images of 64 channels.
  const image = plane === 1 ? [32, 64, n / 2048] : [images, groups * channels, plane];
  const [scales, biases, mean, meanLow, invStd, dscales, dbiases] = Array.from({ length: 7 }, () =>
    random(image[1]),
  );
  const forward = (centered, ...parameters) =>
    best(() => backend.groupNorm(...sizes, 1e-5, centered, true, x, ...parameters, y, ...statistics));
  const rms = forward(false, scale, null);
  const own = {
    forward: forward(true, scale, bias),
    backward: best(() =>
      backend.groupNormBackward(...sizes, true, true, x, dy, scale, ...statistics, dx, dscale, dbias),
    ),
  };
  const training = [
    ...image,
    1e-5,
    0.1,
    false,
    x,
    scales,
    biases,
    null,
    null,
    null,
    y,
    mean,
    meanLow,
    invStd,
  ];
  const backward = [...image, false, x, dy, scales, mean, meanLow, invStd, null, null, null, dx, null];
  const batchNorm = {
    forward: best(() => backend.batchNormTraining(...training, null, null)),
    backward: best(() => backend.batchNormBackward(...backward, dscales, dbiases)),
  };
  const rounded = (time) => Number(time.toFixed(2));
  return {
    copy: rounded(best(() => backend.copy(n, x, y))),
    forward: rounded(own.forward),
    'without mean': rounded(rms),
    'times batch norm': rounded(own.forward / batchNorm.forward),
    backward: rounded(own.backward),
    'times batch norm ': rounded(own.backward / batchNorm.backward),
  };
}

console.table(Object.fromEntries(Object.entries(cases).map(([name, sizes]) => [name, measure(sizes)])));
