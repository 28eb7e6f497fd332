// This package's layer, RMS, group and instance norm, and batch norm and a copy of as many bytes. Implements the protocol
// of bench/native/server.h, where a case is `case IMAGES GROUPS CHANNELS PLANE THREADS`, with the channels of one group.
import { setNumThreads, Tensor } from '../../dist/index.js';
import { backend } from '../../dist/backend/index.js';
import { serve } from './serve.mjs';

await serve(({ images, channels: groups, rows: channels, columns: plane }, threads) => {
  setNumThreads(threads);
  const n = images * groups * channels * plane;
  const random = (length) => {
    const values = Tensor.zeros([length]).data; // in huge pages, as every tensor
    for (let i = 0; i < length; i++) values[i] = Math.random() - 0.5;
    return values;
  };
  const [x, dy, y, dx] = [random(n), random(n), random(n), random(n)];
  const several = (count, length) => Array.from({ length: count }, () => random(length));
  const sizes = [images, groups, channels, plane];
  const [scale, bias, dscale, dbias] = several(4, groups * channels);
  const statistics = several(3, images * groups);
  const forward = (centered, ...parameters) => {
    backend.groupNorm(...sizes, 1e-5, centered, true, x, ...parameters, y, ...statistics);
  };
  // Tables become images of 64 channels.
  const image = plane === 1 ? [32, 64, n / 2048] : [images, groups * channels, plane];
  const [scales, biases, mean, meanLow, invStd, dscales, dbiases] = several(7, image[1]);
  const training = [
    ...[...image, 1e-5, 0.1, false, x, scales, biases, null, null, null],
    ...[y, mean, meanLow, invStd, null, null],
  ];
  const backward = [
    ...[...image, false, x, dy, scales, mean, meanLow, invStd, null, null, null],
    ...[dx, null, dscales, dbiases],
  ];
  return {
    copy: () => backend.copy(n, x, y),
    'batch norm forward': () => backend.batchNormTraining(...training),
    'batch norm backward': () => backend.batchNormBackward(...backward),
    rms: () => forward(false, scale, null),
    // Last, so that the statistics belong to x in the backward pass.
    forward: () => forward(true, scale, bias),
    backward: () => {
      backend.groupNormBackward(...sizes, true, true, x, dy, scale, ...statistics, dx, dscale, dbias);
    },
  };
});
