// What compare.mjs measures of the package in this checkout: kernels from `batchnorm/raw`, element-wise operations, a
// training step of ResNet-8, compiled plans and calls on a few elements.
import { backward, BatchNorm2D, compile, setNumThreads, Sgd, Tensor } from '../../dist/index.js';
import { batchNormBackward, batchNormInference, batchNormTraining } from '../../dist/raw.js';
import { serve } from '../contestants/serve.mjs';
import { resnet8 } from '../resnet/network.mjs';
import { trainingStep } from '../resnet/training-step.mjs';
import { nameOf } from '../shapes.mjs';

/** Beyond the caches with large and with small planes, in the last-level cache, and planes of one pixel. */
const kernelShapes = [
  [32, 256, 56, 56],
  [32, 1024, 14, 14],
  [8, 64, 32, 32],
  [256, 512, 1, 1],
];

await serve((_shape, threads) => {
  setNumThreads(threads);
  return {
    ...Object.assign({}, ...kernelShapes.map(kernels)),
    'ResNet-8, a step of 64 images': trainingStep(64),
    ...plan(1),
    ...plan(32),
    ...elementwise([32, 1024, 14, 14]),
    ...smallCalls([1, 4, 4, 4]),
  };
});

function kernels(shape) {
  const [, channels] = shape;
  const values = () => Tensor.randn(shape).data; // in huge pages, as every tensor
  const [x, dy, out] = [values(), values(), values()];
  const ofChannels = (value) => new Float32Array(channels).fill(value);
  const layer = {
    ...{ shape, scale: ofChannels(1.5), bias: ofChannels(0.5) },
    ...{ runningMean: ofChannels(0), runningVar: ofChannels(1) },
  };
  const saved = { mean: ofChannels(0), meanLow: ofChannels(0), invStd: ofChannels(1) };
  const gradients = { dx: out, dscale: ofChannels(0), dbias: ofChannels(0) };
  const { scale } = layer;
  return {
    [`${nameOf(shape)} training`]: () => void batchNormTraining({ x, ...layer }, { y: out, ...saved }),
    [`${nameOf(shape)} backward`]: () => void batchNormBackward({ x, dy, shape, scale, ...saved }, gradients),
    [`${nameOf(shape)} inference`]: () => void batchNormInference({ x, ...layer }, out),
  };
}

function plan(images) {
  const shape = [images, 3, 32, 32];
  const x = Tensor.randn(shape);
  const compiled = compile(resnet8(), shape);
  return { [`ResNet-8, a plan of ${images}`]: () => compiled.runSync(x).dispose() };
}

function elementwise(shape) {
  const [x, y] = [Tensor.randn(shape), Tensor.randn(shape)];
  return {
    [`${nameOf(shape)} exp`]: () => x.exp().dispose(),
    [`${nameOf(shape)} add`]: () => x.add(y).dispose(),
    [`${nameOf(shape)} mean of squares, backward`]: () => backward(x.trace().square().mean()).dispose(),
  };
}

function smallCalls(shape) {
  const x = Tensor.randn(shape);
  const layer = new BatchNorm2D(shape[1]);
  const trained = new BatchNorm2D(shape[1]);
  const sgd = new Sgd({ lr: 1e-6 });
  return {
    [`${nameOf(shape)} exp`]: () => x.exp().dispose(),
    [`${nameOf(shape)} forward`]: () => layer.forward(x).dispose(),
    [`${nameOf(shape)} training step`]: () =>
      sgd.update(trained, backward(trained.forwardMut(x.trace()).mean())),
  };
}
