import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import * as index from 'batchnorm';
import { exportOnnx, importOnnx } from 'batchnorm/onnx';
import { referencePath } from '../../conformance/reference/read.js';

const { BatchNorm2D, Tensor, backward } = index;

/** A path where a call may read and write files. */
export type Places = (name: string) => string;

class Own extends index.BaseModule {
  readonly norm = new BatchNorm2D(3);
}
const image = () => Tensor.ones([2, 3, 2, 2]);
const npz = (at: Places): string => {
  copyFileSync(referencePath('npz/extra.npz'), at('weights.npz'));
  return at('weights.npz');
};
export const gradients = () => {
  const bn = new BatchNorm2D(3);
  return { bn, found: backward(bn.forwardMut(image().trace()).mean()) };
};
const trained = () => {
  const { bn, found } = gradients();
  return [bn, found, { skipUnused: true, keepGradients: true }];
};
const training = () => ({
  model: new BatchNorm2D(3),
  optimizer: new index.Sgd(),
  progress: { epoch: 1 },
});
const stateOf = async (optimizer: index.Sgd | index.Adam | index.RMSprop, at: Places) => {
  const module = new BatchNorm2D(3);
  const write = (zip: index.NpzWriter) => optimizer.write(zip, '', module);
  await index.saveNpz(at('state.npz'), { write });
  return [await opened(at('state.npz')), '', module];
};
export const floats = (length: number) => new Float32Array(length).fill(1);
const perChannel = (...names: string[]) => Object.fromEntries(names.map((name) => [name, floats(3)]));

export const readers: index.NpzReader[] = [];
export async function opened(path: string): Promise<index.NpzReader> {
  const reader = await index.NpzReader.open(path);
  readers.push(reader);
  return reader;
}

/** An instance of each class that has methods. Classes without an entry are constructed with the arguments of the
 * constructor's example. */
export const receivers: Readonly<Partial<Record<string, (at: Places) => unknown>>> = {
  Tensor: () => Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]),
  Batch: () => {
    const data = { features: floats(4), shape: [2], labels: Uint8Array.of(0, 1) };
    return [...new index.DataLoader(data, { batchSize: 2 })][0];
  },
  // Without groups, which the modules of other examples would not fit.
  Adam: () => new index.Adam(),
  RMSprop: () => new index.RMSprop(),
  Sgd: () => new index.Sgd(),
  OnnxModel: async (at) => importOnnx(await onnxBytes(at)),
  Plan: () => planOf(),
  Batcher: () => new index.Batcher(planOf()),
  'Tensor#item': () => Tensor.from([1], []),
  Gradients: () => gradients().found,
  NpzReader: (at) => opened(npz(at)),
  BaseModule: () => new Own(),
  // Their examples have the channels in front.
  BatchNorm2D: () => new BatchNorm2D(3),
  BatchNorm3D: () => new index.BatchNorm3D(3),
  FrozenBatchNorm2D: () => new index.FrozenBatchNorm2D(3),
  FrozenBatchNorm3D: () => new index.FrozenBatchNorm3D(3),
  Residual: () => new index.Residual(new BatchNorm2D(3)),
  Sequential: () => new index.Sequential(new BatchNorm2D(3), new index.ReLU()),
};

/** The bytes of an ONNX file with one input and one output, made once. */
const onnxBytes = async (at: Places): Promise<Uint8Array> => (madeBytes ??= await exportedBytes(at));

let madeBytes: Uint8Array | undefined;

async function exportedBytes(at: Places): Promise<Uint8Array> {
  const model = new index.Sequential(new index.Linear(3, 2), new index.BatchNorm1D(2));
  await exportOnnx(model, at('model.onnx'), { input: [2, 3], dynamicBatch: true });
  return readFileSync(at('model.onnx'));
}

async function onnxFile(at: Places): Promise<string> {
  writeFileSync(at('model.onnx'), await onnxBytes(at));
  return at('model.onnx');
}

const volume = () => Tensor.ones([2, 3, 2, 2, 2]);

const planOf = () => index.compile(new index.Sequential(new index.Tanh()), [2, 3]);

/** Valid arguments that cannot be derived from the declared types. */
export const special: Readonly<
  Record<string, (at: Places) => readonly unknown[] | Promise<readonly unknown[]>>
> = {
  importOnnx: async (at) => [await onnxFile(at), { maxComputedBytes: 1000 }],
  exportOnnx: (at) => [
    new index.Sequential(new index.Linear(3, 2)),
    at('exported.onnx'),
    { input: [2, 3], dynamicBatch: true, externalData: true },
  ],
  'OnnxModel#run': () => [{ input: Tensor.ones([2, 3]) }],
  'OnnxModel#runMut': () => [{ input: Tensor.ones([2, 3]).trace() }],
  backward: () => {
    const y = image().trace().square();
    return [y.mean(), { keep: [y], into: gradients().found }];
  },
  disposeGraph: () => {
    const y = image().trace().square();
    return [y, { keep: [y] }];
  },
  'new DataLoader': () => [
    { features: floats(8), shape: [4], labels: floats(2), scale: 2, mean: 1, deviation: 3 },
    { batchSize: 1, shuffle: true, rng: () => 0.5, dropLast: false },
  ],
  concat: () => [[Tensor.ones([2, 3]), Tensor.ones([1, 3])], { axis: 0 }],
  where: () => [Tensor.ones([2, 3]), Tensor.ones([3]), 0],
  stack: () => [[Tensor.ones([2, 3]), Tensor.ones([2, 3])], { axis: 1 }],
  crossEntropyWithLogitsLoss: () => [
    Tensor.ones([2, 3]),
    [0, 2],
    { reduction: 'sum', classWeights: [1, 2, 3], ignoreIndex: 1, labelSmoothing: 0.1 },
  ],
  mseLoss: () => [Tensor.ones([2, 3]), Tensor.ones([2, 3]), { reduction: 'none' }],
  maeLoss: () => [Tensor.ones([2, 3]), Tensor.ones([2, 3]), { reduction: 'sum' }],
  huberLoss: () => [Tensor.ones([2, 3]), Tensor.ones([2, 3]), { delta: 2, reduction: 'none' }],
  smoothL1Loss: () => [Tensor.ones([2, 3]), Tensor.ones([2, 3]), { beta: 2, reduction: 'none' }],
  binaryCrossEntropyWithLogitsLoss: () => [
    Tensor.ones([2, 3]),
    Tensor.ones([2, 3]),
    { reduction: 'none', posWeight: [1, 2, 3] },
  ],
  klDivWithLogitsLoss: () => [Tensor.ones([2, 3]), Tensor.ones([2, 3]), { reduction: 'none' }],
  accuracy: () => [Tensor.ones([2, 3]), [0, 2], { ignoreIndex: 2 }],
  topK: () => [Tensor.ones([2, 3]), [0, 2], { k: 2, ignoreIndex: 2 }],
  fit: () => [
    new BatchNorm2D(3),
    {
      data: [{ x: image(), labels: Uint8Array.of(0, 1) }],
      loss: (y: index.Tensor<index.Shape, index.OwnedTape>) => y.square().mean(),
      optimizer: new index.Sgd(),
      epochs: 1,
      // Ends after two epochs, however many there should be.
      earlyStopping: { patience: 1, minDelta: 1e9 },
      schedule: (step: number) => 0.01 / (step + 1),
      maxNorm: 1,
      metrics: { zero: () => 0 },
    },
  ],
  evaluate: () => [
    new BatchNorm2D(3),
    {
      data: [{ x: image(), labels: Uint8Array.of(0, 1) }],
      loss: (y: index.Tensor<index.Shape, index.OwnedTape>) => y.square().mean(),
      metrics: { zero: () => 0 },
    },
  ],
  summary: () => [new BatchNorm2D(3), [2, 3, 2, 2]],
  confusionMatrix: () => [Tensor.ones([2, 3]), [0, 2], { ignoreIndex: 2 }],
  loadNpz: async (at) => {
    await new BatchNorm2D(3).save(at('layer.npz'));
    return [at('layer.npz'), new BatchNorm2D(3), { extra: 'ignore' }];
  },
  saveNpz: (at) => [at('out.npz'), new BatchNorm2D(3)],
  saveSafetensors: (at) => [at('out.safetensors'), new BatchNorm2D(3)],
  loadSafetensors: async (at) => {
    await index.saveSafetensors(at('net.safetensors'), new BatchNorm2D(3));
    return [at('net.safetensors'), new BatchNorm2D(3), { extra: 'ignore' }];
  },
  saveCheckpoint: (at) => [at('out.npz'), training()],
  loadCheckpoint: async (at) => {
    await index.saveCheckpoint(at('checkpoint.npz'), training());
    return [at('checkpoint.npz'), training()];
  },
  cosineSchedule: () => [{ lr: 0.5, steps: 10, warmup: 2, final: 0.1 }],
  'Adam#read': (at) => stateOf(new index.Adam(), at),
  'RMSprop#read': (at) => stateOf(new index.RMSprop(), at),
  'Sgd#read': (at) => stateOf(new index.Sgd(), at),
  parametersOf: () => ['norm', new BatchNorm2D(3)],
  recalibrate: () => [new BatchNorm2D(3), [image(), image()]],
  updateParameter: () => [Tensor.ones([3]), provider(), new index.UnusedTensors()],
  'new Batcher': () => [planOf(), { maxBatch: 2, maxDelay: 1, maxQueue: 2 }],
  'Batcher#run': () => [Tensor.ones([3]), { signal: new AbortController().signal }],
  'Plan#runSync': () => [Tensor.ones([2, 3]), { out: Tensor.ones([2, 3]) }],
  'Plan#run': () => [Tensor.ones([2, 3]), { out: Tensor.ones([2, 3]), signal: new AbortController().signal }],
  'Plan#update': () => [new index.Sequential(new index.Tanh())],
  compile: () => [new index.Sequential(new index.Tanh()), [2, 3], { concurrency: 1 }],
  fold: () => [new index.Sequential(new index.Conv2D(3, 3, 1), new BatchNorm2D(3))],
  batchSamples: () => [
    [{ features: floats(4), label: 1 }],
    { shape: [4], batchSize: 1, shuffle: true, rng: () => 0.5, shuffleBuffer: 2, dropLast: false },
  ],
  readIdx: (at) => {
    // Two bytes, along one axis.
    writeFileSync(at('two.idx'), Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]));
    return [at('two.idx'), { type: 'uint8', axes: 1, maxBytes: 100 }];
  },
  'new AdaptiveAvgPool2D': () => [[2, 3]],
  'new AvgPool2D': () => [2, { stride: 1, padding: 0, countIncludePad: true }],
  'new MaxPool2D': () => [2, { stride: 1, padding: 0 }],
  'new GeneralizedResidual': () => [new BatchNorm2D(3), new BatchNorm2D(3)],
  'new Conv1D': () => [
    3,
    6,
    2,
    { stride: 2, padding: [1, 0], dilation: 1, groups: 3, bias: true, rng: () => 0.5 },
  ],
  'Conv1D#forward': () => [Tensor.ones([2, 3, 4])],
  'Conv1D.fromJSON': () => [{ ...new index.Conv1D(3, 2, 1).toJSON() }],
  'new ConvTranspose1D': () => [
    3,
    6,
    2,
    { stride: 2, padding: [1, 0], outputPadding: 1, dilation: 1, groups: 3, bias: true, rng: () => 0.5 },
  ],
  'ConvTranspose1D#forward': () => [Tensor.ones([2, 3, 4])],
  'ConvTranspose1D.fromJSON': () => [{ ...new index.ConvTranspose1D(3, 2, 1).toJSON() }],
  'new ConvTranspose2D': () => [
    3,
    6,
    [2, 1],
    {
      ...{ stride: [2, 1], padding: [0, 1, 1, 0], outputPadding: [1, 0], dilation: 2, groups: 3 },
      ...{ bias: true, rng: () => 0.5 },
    },
  ],
  'ConvTranspose2D.fromJSON': () => [{ ...new index.ConvTranspose2D(3, 2, 1).toJSON() }],
  'new Conv2D': () => [
    3,
    6,
    [2, 1],
    { stride: [2, 1], padding: [0, 1, 2, 3], dilation: 2, groups: 3, bias: true, rng: () => 0.5 },
  ],
  'new Residual': () => [new BatchNorm2D(3)],
  'new Sequential': () => [new BatchNorm2D(3), new index.ReLU()],
  'Conv2D.fromJSON': () => [{ ...new index.Conv2D(3, 2, 1).toJSON() }],
  'FrozenBatchNorm1D.from': () => [new index.BatchNorm1D(3), { trainable: true }],
  'FrozenBatchNorm2D.from': () => [new BatchNorm2D(3), { trainable: true }],
  'FrozenBatchNorm3D.from': () => [new index.BatchNorm3D(3), { trainable: true }],
  'FrozenBatchNorm1D.fromJSON': () => [{ ...new index.FrozenBatchNorm1D(3).toJSON() }],
  'FrozenBatchNorm2D.fromJSON': () => [{ ...new index.FrozenBatchNorm2D(3).toJSON() }],
  'FrozenBatchNorm3D.fromJSON': () => [{ ...new index.FrozenBatchNorm3D(3).toJSON() }],
  'Linear.fromJSON': () => [{ ...new index.Linear(3, 2).toJSON() }],
  moduleFromJSON: () => [{ ...new index.Linear(3, 2).toJSON() }, { types: {} }],
  'BatchNorm1D.fromJSON': () => [{ ...new index.BatchNorm1D(3).toJSON() }],
  'BatchNorm2D.fromJSON': () => [{ ...new BatchNorm2D(3).toJSON() }],
  'BatchNorm3D.fromJSON': () => [{ ...new index.BatchNorm3D(3).toJSON() }],
  'BatchNorm3D#forward': () => [volume()],
  'BatchNorm3D#forwardMut': () => [volume().trace()],
  'BatchNorm3D#forwardRelu': () => [volume(), volume()],
  'BatchNorm3D#forwardMutRelu': () => [volume().trace(), volume()],
  'FrozenBatchNorm3D#forward': () => [volume()],
  'new GroupNorm': () => [1, 3, { affine: true, epsilon: 1e-3 }],
  'GroupNorm.fromJSON': () => [{ ...new index.GroupNorm(1, 3).toJSON() }],
  'InstanceNorm1D.fromJSON': () => [{ ...new index.InstanceNorm1D(3).toJSON() }],
  'InstanceNorm2D.fromJSON': () => [{ ...new index.InstanceNorm2D(3).toJSON() }],
  'InstanceNorm3D.fromJSON': () => [{ ...new index.InstanceNorm3D(3).toJSON() }],
  'LayerNorm.fromJSON': () => [{ ...new index.LayerNorm(3).toJSON() }],
  'RMSNorm.fromJSON': () => [{ ...new index.RMSNorm(3).toJSON() }],
  'new LayerNorm': () => [[3, 5], { affine: true, epsilon: 1e-3 }],
  'new RMSNorm': () => [[3, 5], { affine: true, epsilon: 1e-3 }],
  'LayerNorm#forward': () => [Tensor.ones([2, 3, 5])],
  'RMSNorm#forward': () => [Tensor.ones([2, 3, 5])],
  'InstanceNorm1D#forward': () => [Tensor.ones([2, 3, 5])],
  'InstanceNorm3D#forward': () => [volume()],
  'NpzReader.open': (at) => [npz(at)],
  'NpzReader#tensor': () => ['scale.npy', Tensor.ones([3])],
  'NpzReader#numbers': () => ['scale.npy', 3],
  'NpzReader#number': () => ['epsilon.npy', { expected: 'a number', fits: () => true }],
  'new Adam': () => [
    {
      ...{ lr: 0.1, betas: [0.5, 0.9], epsilon: 0.1, weightDecay: { decoupled: 0.1 }, amsgrad: true },
      groups: [{ match: /bias/, lr: 0.1, betas: [0.5, 0.9], epsilon: 0.1, weightDecay: 0 }],
    },
  ],
  'new RMSprop': () => [
    {
      ...{ lr: 0.1, alpha: 0.5, epsilon: 0.1, momentum: 0.5, centered: true, weightDecay: 0 },
      groups: [{ match: 'bias', lr: 0.1, alpha: 0.5, epsilon: 0.1, momentum: 0.5, weightDecay: 0 }],
    },
  ],
  'new Sgd': () => [
    {
      ...{ lr: 0.1, momentum: { nesterov: 0.5 }, weightDecay: 0 },
      groups: [{ match: () => true, lr: 0.1, momentum: 0.5, weightDecay: 0 }],
    },
  ],
  'new WeightAverage': () => [new BatchNorm2D(3), { decay: 0.9, buffers: true }],
  'WeightAverage#copyTo': () => [new BatchNorm2D(3)],
  'Adam#update': trained,
  'RMSprop#update': trained,
  'Sgd#update': trained,
  'Tensor.from': () => [
    [1, 2, 3, 4, 5, 6],
    [2, 3],
  ],
  'Tensor.fromJSON': () => [{ ...Tensor.ones([3]).toJSON() }],
  'Tensor.adopt': () => [floats(6), [2, 3]],
  'Tensor#matmul': () => [Tensor.ones([3, 2])],
  'Tensor#reshape': () => [[3, 2]],
  'Tensor#permute': () => [[1, 0]],
  'Tensor#sum': () => [{ axes: [0, 1], keepDims: true }],
  'Tensor#mean': () => [{ axes: 1, keepDims: true }],
  'Tensor#max': () => [{ axes: 1, keepDims: true }],
  'Tensor#min': () => [{ axes: [0], keepDims: false }],
  'Tensor#argmax': () => [{ axis: 1, keepDims: true }],
  'Tensor#argmin': () => [{ axis: 0, keepDims: false }],
  'Tensor#transpose': () => [0, 1],
  'Tensor#maximum': () => [Tensor.ones([2, 3])],
  'Tensor#minimum': () => [1],
  'Tensor#less': () => [Tensor.ones([3])],
  'Tensor#lessEqual': () => [1],
  'Tensor#greater': () => [1],
  'Tensor#greaterEqual': () => [1],
  'Tensor#equal': () => [1],
  'Tensor#notEqual': () => [1],
  'Tensor#clamp': () => [{ min: 0, max: 1 }],
  'Tensor#pow': () => [3],
  'Tensor#slice': () => [{ axis: 1, start: 0, end: 2, step: 1 }],
  batchNormInference: () => [
    {
      x: floats(24),
      shape: [2, 3, 2, 2],
      ...perChannel('scale', 'bias', 'runningMean', 'runningVar'),
      epsilon: 1e-3,
    },
    floats(24),
  ],
  batchNormTraining: () => [
    {
      x: floats(24),
      shape: [2, 3, 2, 2],
      ...perChannel('scale', 'bias', 'runningMean', 'runningVar'),
      epsilon: 1e-3,
      momentum: 0.5,
    },
    { y: floats(24), ...perChannel('mean', 'meanLow', 'invStd') },
  ],
  batchNormBackward: () => [
    {
      x: floats(24),
      dy: floats(24),
      shape: [2, 3, 2, 2],
      ...perChannel('scale', 'mean', 'meanLow', 'invStd'),
    },
    { dx: floats(24), ...perChannel('dscale', 'dbias') },
  ],
};

export function provider(): index.GradientProvider {
  return { gradient: (parameter) => parameter.clone() };
}
