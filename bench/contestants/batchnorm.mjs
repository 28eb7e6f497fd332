// This package from JavaScript: raw kernels with `out`, and the module API with and without a tape.
import { backward, BatchNorm2D, Sgd, Tensor } from '../../dist/index.js';
import { batchNormBackward, batchNormInference, batchNormTraining } from '../../dist/raw.js';
import { serve } from './serve.mjs';

await serve(({ images, channels, rows, columns }) => {
  const shape = images === 0 ? [channels, rows, columns] : [images, channels, rows, columns];
  const n = shape.reduce((product, size) => product * size, 1);
  const wave = (phase) => {
    const values = Tensor.zeros(shape).data; // in huge pages, as every tensor
    for (let i = 0; i < n; i++) values[i] = Math.sin(phase + i);
    return values;
  };
  const x = wave(0);
  const dy = wave(1);
  const result = Tensor.zeros(shape).data;
  const ofChannels = (value) => new Float32Array(channels).fill(value);
  const layer = {
    shape,
    scale: ofChannels(1.5),
    bias: ofChannels(0.5),
    runningMean: ofChannels(0),
    runningVar: ofChannels(1),
  };
  const saved = { mean: ofChannels(0), meanLow: ofChannels(0), invStd: ofChannels(1) };
  const trained = { y: result, ...saved };
  const gradients = { dx: result, dscale: ofChannels(0), dbias: ofChannels(0) };

  const bn = new BatchNorm2D(channels);
  const sgd = new Sgd({ lr: 1e-6 });
  const input = Tensor.adopt(x, shape);
  const weights = Tensor.adopt(dy, shape);
  return {
    'raw training': () => void batchNormTraining({ x, ...layer }, trained),
    'raw inference': () => void batchNormInference({ x, ...layer }, result),
    'raw backward': () => void batchNormBackward({ x, dy, shape, scale: layer.scale, ...saved }, gradients),
    inference: () => bn.forward(input).dispose(),
    // dy comes from a product and a sum, the cheapest possible loss.
    'forward + backward': () =>
      void sgd.update(bn, backward(bn.forwardMut(input.trace()).mul(weights).sum())),
  };
});
