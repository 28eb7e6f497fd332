import {
  Abs,
  AdaptiveAvgPool1D,
  AdaptiveAvgPool2D,
  AvgPool1D,
  AvgPool2D,
  AvgPoolGlobal,
  type BaseModule,
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  Conv1D,
  Conv2D,
  ConvTranspose1D,
  ConvTranspose2D,
  Cos,
  Dropout,
  DropoutOneIn,
  Exp,
  Flatten,
  Flatten2D,
  FrozenBatchNorm1D,
  FrozenBatchNorm2D,
  FrozenBatchNorm3D,
  GeLU,
  GeneralizedResidual,
  GroupNorm,
  type InferringLayer,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  LayerNorm,
  LeakyReLU,
  Linear,
  Ln,
  MaxPool1D,
  MaxPool2D,
  type RandomSource,
  ReLU,
  Residual,
  RMSNorm,
  Sequential,
  type Shape,
  Sigmoid,
  SiLU,
  Sin,
  Softmax,
  Sqrt,
  Square,
  Tanh,
} from 'batchnorm';

/** A layer, and a shape that it accepts, with several samples. */
export type LayerCase = readonly [layer: AnyLayer, input: Shape];

type AnyLayer = BaseModule & InferringLayer;

const rows: Shape = [3, 4];
const signals: Shape = [3, 4, 9];
const images: Shape = [3, 4, 9, 8];
const volumes: Shape = [2, 4, 3, 4, 5];

/** Every layer and composition of the package, with its usual and its unusual options. */
export function layerCases(rng: RandomSource): readonly LayerCase[] {
  return [
    ...activations().map((layer) => [layer, rows] as const),
    ...linear(rng),
    ...convolutions(rng),
    ...pools(),
    ...batchNorms(),
    ...normsOfSamples(),
    ...compositions(rng),
  ];
}

function activations(): readonly AnyLayer[] {
  return [
    ...[new Abs(), new Cos(), new Exp(), new GeLU(), new LeakyReLU(0.125), new Ln(), new ReLU()],
    ...[new Sigmoid(), new SiLU(), new Sin(), new Softmax(), new Sqrt(), new Square(), new Tanh()],
    ...[new Dropout(0.25), new DropoutOneIn(4)],
  ];
}

function linear(rng: RandomSource): readonly LayerCase[] {
  return [
    [new Linear(4, 2, { rng }), rows],
    [new Linear(4, 5, { bias: false, rng }), rows],
    [new Flatten(2), images],
    [new Flatten2D(), images],
  ];
}

function convolutions(rng: RandomSource): readonly LayerCase[] {
  const transposedSignals = { stride: 2, padding: [0, 1], outputPadding: 1, groups: 2 } as const;
  const sides = [0, 1, 2, 0] as const;
  const transposedImages = { stride: [2, 3], padding: sides, outputPadding: [1, 2], groups: 2 } as const;
  const unequal = { stride: [2, 1], padding: [0, 1, 2, 3], dilation: [1, 2], groups: 2 } as const;
  return [
    [new Conv1D(4, 6, 3, { stride: 2, padding: [3, 0], groups: 2, rng }), signals],
    [new Conv1D(4, 4, 3, { padding: 'same', dilation: 2, groups: 4, bias: false, rng }), signals],
    [new Conv2D(4, 3, 3, { stride: 2, padding: 1, rng }), images],
    [new Conv2D(4, 2, 1, { bias: false, rng }), images],
    [new Conv2D(4, 6, [2, 3], { ...unequal, rng }), images],
    [new Conv2D(4, 4, 3, { padding: 'same', groups: 4, bias: false, rng }), images],
    [new ConvTranspose1D(4, 4, 3, { ...transposedSignals, rng }), signals],
    [new ConvTranspose2D(4, 3, 3, { bias: false, rng }), images],
    [new ConvTranspose2D(4, 2, [2, 3], { ...transposedImages, dilation: 2, rng }), images],
  ];
}

function pools(): readonly LayerCase[] {
  const unequal = { stride: [1, 2], padding: [1, 2], dilation: [3, 1], ceilMode: true } as const;
  return [
    [new MaxPool1D(4, { stride: 3, padding: 2, dilation: 2, ceilMode: true }), [2, 4, 13]],
    [new MaxPool2D(2, { stride: 2 }), images],
    [new MaxPool2D([2, 3], unequal), images],
    [new AvgPool1D(3, { stride: 2, padding: 1, countIncludePad: false }), signals],
    [new AvgPool2D(3, { stride: 2, padding: 1 }), images],
    [new AvgPool2D([3, 2], { stride: [2, 1], padding: [2, 1, 0, 1], ceilMode: true }), images],
    [new AdaptiveAvgPool1D(4), signals],
    [new AdaptiveAvgPool2D([2, 3]), images],
    [new AvgPoolGlobal(), images],
  ];
}

function batchNorms(): readonly LayerCase[] {
  return [
    [new BatchNorm1D(4), rows],
    [new BatchNorm1D(4, { affine: false }), signals],
    [new BatchNorm2D(4, { momentum: 'cumulative' }), images],
    [new BatchNorm2D(4, { affine: false, momentum: 0.5 }), images],
    [new BatchNorm2D(8, { channelsLast: true }), images],
    [new BatchNorm3D(4, { epsilon: 0.25 }), volumes],
    [new BatchNorm3D(4, { affine: false }), volumes],
    [new FrozenBatchNorm1D(4), rows],
    [new FrozenBatchNorm1D(4, { affine: false }), signals],
    [new FrozenBatchNorm2D(4, { epsilon: 0.5, trainable: true }), images],
    [new FrozenBatchNorm2D(4, { affine: false }), images],
    [new FrozenBatchNorm3D(4, { trainable: true }), volumes],
    [new FrozenBatchNorm3D(4, { affine: false }), volumes],
  ];
}

function normsOfSamples(): readonly LayerCase[] {
  return [
    [new LayerNorm([9, 8]), images],
    [new LayerNorm(4, { affine: false, epsilon: 0.25 }), rows],
    [new RMSNorm(8), images],
    [new GroupNorm(2, 4, { epsilon: 0.125 }), images],
    [new GroupNorm(1, 4, { affine: false }), images],
    [new InstanceNorm1D(4, { affine: true }), signals],
    [new InstanceNorm2D(4, { affine: true, epsilon: 0.5 }), images],
    [new InstanceNorm3D(4), volumes],
  ];
}

function compositions(rng: RandomSource): readonly LayerCase[] {
  return [
    [new Sequential(new Linear(4, 2, { rng }), new ReLU()), rows],
    [new Residual(new Linear(4, 4, { rng })), rows],
    [new GeneralizedResidual(new Linear(4, 2, { rng }), new Linear(4, 2, { rng })), rows],
  ];
}
