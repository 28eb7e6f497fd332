// The subjects that compare.mjs measures in this checkout: kernels from `batchnorm/raw`, element-wise operations, a
// training step of ResNet-8, compiled plans and calls on a few elements. Each subject is a name and a function that
// prepares it and returns what is measured.
import { backward, BatchNorm2D, compile, setNumThreads, Sgd, Tensor } from '../../dist/index.js';
import { batchNormBackward, batchNormInference, batchNormTraining } from '../../dist/raw.js';
import { serve } from '../contestants/serve.mjs';
import { resnet8 } from '../resnet/network.mjs';
import { trainingStep } from '../resnet/training-step.mjs';
import { nameOf, shapes } from '../shapes.mjs';

await serve((_shape, threads) => {
  setNumThreads(threads);
  const subjects = [
    ...shapes.flatMap(kernels),
    ['ResNet-8, a step of 64 images', () => trainingStep(64)],
    plan(1),
    plan(32),
    ...elementwise([32, 1024, 14, 14]),
    ...smallCalls([1, 4, 4, 4]),
  ];
  return Object.fromEntries(subjects.map(([name, prepare]) => [name, preparedLate(prepare)]));
});

/** Prepares a subject when it is measured for the first time, since `--only` may leave it out. */
function preparedLate(prepare) {
  let run;
  return () => {
    run ??= prepare();
    return run();
  };
}

function kernels(shape) {
  const channels = shape.at(-3);
  const prepared = (runOf) => () => {
    const values = () => Tensor.randn(shape).data; // in huge pages, as every tensor
    const ofChannels = (value) => new Float32Array(channels).fill(value);
    return runOf({
      ...{ x: values(), out: values(), ofChannels },
      layer: {
        ...{ shape, scale: ofChannels(1.5), bias: ofChannels(0.5) },
        ...{ runningMean: ofChannels(0), runningVar: ofChannels(1) },
      },
      saved: { mean: ofChannels(0), meanLow: ofChannels(0), invStd: ofChannels(1) },
    });
  };
  return [
    [
      `${nameOf(shape)} training`,
      prepared(
        ({ x, out, layer, saved }) =>
          () =>
            void batchNormTraining({ x, ...layer }, { y: out, ...saved }),
      ),
    ],
    [
      `${nameOf(shape)} backward`,
      prepared(({ x, out, layer, saved, ofChannels }) => {
        const dy = Tensor.randn(shape).data;
        const gradients = { dx: out, dscale: ofChannels(0), dbias: ofChannels(0) };
        return () => void batchNormBackward({ x, dy, shape, scale: layer.scale, ...saved }, gradients);
      }),
    ],
    [
      `${nameOf(shape)} inference`,
      prepared(
        ({ x, out, layer }) =>
          () =>
            void batchNormInference({ x, ...layer }, out),
      ),
    ],
  ];
}

function plan(images) {
  return [
    `ResNet-8, a plan of ${images}`,
    () => {
      const shape = [images, 3, 32, 32];
      const x = Tensor.randn(shape);
      const compiled = compile(resnet8(), shape);
      return () => compiled.runSync(x).dispose();
    },
  ];
}

function elementwise(shape) {
  const prepared = (run) => () => {
    const [x, y] = [Tensor.randn(shape), Tensor.randn(shape)];
    return () => run(x, y);
  };
  return [
    [`${nameOf(shape)} exp`, prepared((x) => x.exp().dispose())],
    [`${nameOf(shape)} add`, prepared((x, y) => x.add(y).dispose())],
    [
      `${nameOf(shape)} mean of squares, backward`,
      prepared((x) => backward(x.trace().square().mean()).dispose()),
    ],
  ];
}

function smallCalls(shape) {
  const prepared = (run) => () => {
    const x = Tensor.randn(shape);
    const layer = new BatchNorm2D(shape[1]);
    const sgd = new Sgd({ lr: 1e-6 });
    return () => run(x, layer, sgd);
  };
  return [
    [`${nameOf(shape)} exp`, prepared((x) => x.exp().dispose())],
    [`${nameOf(shape)} forward`, prepared((x, layer) => layer.forward(x).dispose())],
    [
      `${nameOf(shape)} training step`,
      prepared((x, layer, sgd) => sgd.update(layer, backward(layer.forwardMut(x.trace()).mean()))),
    ],
  ];
}
