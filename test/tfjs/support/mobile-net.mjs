// Graph models in the shape of MobileNet, as the converter writes them, with random weights.
import { randomFrom, sizeOf } from './random.mjs';

class Graph {
  constructor(seed) {
    this.random = randomFrom(seed);
    this.nodes = [];
    this.specs = [];
    this.values = [];
  }

  add(op, inputs, attr = {}) {
    const name = `${op}_${this.nodes.length}`;
    this.nodes.push({ name, op, input: inputs, attr });
    return name;
  }

  /** Random weights; positive ones are variances. */
  weights(shape, { range = Math.sqrt(3 / sizeOf(shape.slice(0, -1))), positive = false } = {}) {
    const name = this.add('Const', [], { dtype: { type: 'DT_FLOAT' }, value: { tensor: {} } });
    const number = () => (positive ? 0.5 + this.random() : (2 * this.random() - 1) * range);
    this.specs.push({ name, shape, dtype: 'float32' });
    this.values.push(Float32Array.from({ length: sizeOf(shape) }, number));
    return name;
  }

  integers(values) {
    const name = this.add('Const', [], { dtype: { type: 'DT_INT32' }, value: { tensor: {} } });
    this.specs.push({ name, shape: [values.length], dtype: 'int32' });
    this.values.push(Int32Array.from(values));
    return name;
  }

  batchNorm(x, channels) {
    const [scale, offset] = [
      this.weights([channels], { range: 1 }),
      this.weights([channels], { range: 0.3 }),
    ];
    const [mean, variance] = [
      this.weights([channels], { range: 0.3 }),
      this.weights([channels], { positive: true }),
    ];
    return this.add('FusedBatchNormV3', [x, scale, offset, mean, variance], {
      ...{ epsilon: { f: 1e-3 }, data_format: { s: 'TkhXQw==' }, is_training: { b: false } },
    });
  }

  convolution(x, from, to, kernel, stride, { activation = 'Relu6' } = {}) {
    const y = this.add('Conv2D', [x, this.weights([kernel, kernel, from, to])], windows(stride));
    const normalized = this.batchNorm(y, to);
    return activation === null ? normalized : this.add(activation, [normalized]);
  }

  depthwise(x, channels, stride) {
    const filter = this.weights([3, 3, channels, 1], { range: 0.5 });
    const y = this.add('DepthwiseConv2dNative', [x, filter], windows(stride));
    return this.add('Relu6', [this.batchNorm(y, channels)]);
  }

  classifier(x, channels, classes) {
    const pooled = this.add('Mean', [x, this.integers([1, 2])], { keep_dims: { b: false } });
    const product = this.add('MatMul', [pooled, this.weights([channels, classes])], {
      ...{ transpose_a: { b: false }, transpose_b: { b: false } },
    });
    return this.add('Softmax', [this.add('BiasAdd', [product, this.weights([classes], { range: 0.1 })])]);
  }

  input(size) {
    const dim = [-1, size, size, 3].map((each) => ({ size: String(each) }));
    return this.add('Placeholder', [], { shape: { shape: { dim } }, dtype: { type: 'DT_FLOAT' } });
  }

  artifacts() {
    const weightData = new Uint8Array(this.values.reduce((sum, { byteLength }) => sum + byteLength, 0));
    let offset = 0;
    for (const { buffer, byteLength } of this.values) {
      weightData.set(new Uint8Array(buffer), offset);
      offset += byteLength;
    }
    return {
      ...{ format: 'graph-model', generatedBy: 'test', convertedBy: null },
      modelTopology: { node: this.nodes, library: {}, versions: { producer: 1 } },
      ...{ weightSpecs: this.specs, weightData: weightData.buffer },
    };
  }
}

function windows(stride) {
  return {
    strides: { list: { i: ['1', String(stride), String(stride), '1'] } },
    dilations: { list: { i: ['1', '1', '1', '1'] } },
    ...{ padding: { s: 'U0FNRQ==' }, data_format: { s: 'TkhXQw==' }, explicit_paddings: { list: {} } },
  };
}

/** The output channels of each pair of a depthwise and a pointwise convolution, and the stride of the former. */
export const mobileNetV1Blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array(5).fill([512, 1]),
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNet v1: depthwise and pointwise convolutions by turns.
 * @param width The factor for the number of channels.
 */
export function mobileNetV1(size, width, classes = 10) {
  const graph = new Graph(1);
  const of = (channels) => Math.round(channels * width);
  let x = graph.convolution(graph.input(size), 3, of(32), 3, 2);
  let from = of(32);
  for (const [channels, stride] of mobileNetV1Blocks) {
    x = graph.convolution(graph.depthwise(x, from, stride), from, of(channels), 1, 1);
    from = of(channels);
  }
  graph.classifier(x, from, classes);
  return graph.artifacts();
}

/** MobileNet v2: inverted residuals. */
export function mobileNetV2(size, width, classes = 10) {
  const graph = new Graph(2);
  const of = (channels) => Math.round(channels * width);
  let x = graph.convolution(graph.input(size), 3, of(32), 3, 2);
  let from = of(32);
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 2, 2],
    [6, 96, 2, 1],
    [6, 160, 2, 2],
  ];
  for (const [expansion, channels, count, first] of stages) {
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? first : 1;
      const inner = from * expansion;
      const expanded = expansion === 1 ? x : graph.convolution(x, from, inner, 1, 1);
      const y = graph.convolution(graph.depthwise(expanded, inner, stride), inner, of(channels), 1, 1, {
        activation: null,
      });
      x = stride === 1 && from === of(channels) ? graph.add('AddV2', [x, y]) : y;
      from = of(channels);
    }
  }
  graph.classifier(graph.convolution(x, from, of(320), 1, 1), of(320), classes);
  return graph.artifacts();
}
