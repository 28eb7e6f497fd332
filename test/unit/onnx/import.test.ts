import { spawnSync } from 'node:child_process';
import {
  backward,
  BatchNorm2D,
  BatchNorm3D,
  compile,
  Conv2D,
  Dropout,
  fold,
  Linear,
  Sgd,
  type Shape,
  Tensor,
} from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { expectNear } from '../../support/expect-near.js';
import { node as nodeProcess } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { floats, int64s, node, writeModelFile } from './build.js';

const range = (count: number, scale = 1) => Array.from({ length: count }, (_, i) => ((i % 7) - 3) * scale);

/** conv(2 -> 3, 3x3) -> batch norm -> ReLU -> mean -> linear(3 -> 2) */
const network = {
  nodes: [
    node('Conv', ['x', 'features.conv.weight'], ['c'], { pads: [1, 1, 1, 1] }),
    node('BatchNormalization', ['c', 'features.norm.weight', 'norm.bias', 'mean', 'var'], ['b'], {
      epsilon: 0.001,
      momentum: 0.75,
    }),
    node('Relu', ['b'], ['r']),
    node('GlobalAveragePool', ['r'], ['p']),
    node('Flatten', ['p'], ['f']),
    node('Gemm', ['f', 'head.weight', 'head.bias'], ['y'], { transB: 1 }),
  ],
  initializers: [
    floats('features.conv.weight', [3, 2, 3, 3], range(54, 0.1)),
    floats('features.norm.weight', [3], [1, 0.5, 2]),
    floats('norm.bias', [3], [0.1, 0.2, -0.1]),
    floats('mean', [3], [0.3, -0.2, 0.1]),
    floats('var', [3], [1, 2, 0.5]),
    floats('head.weight', [2, 3], [1, 2, 3, -1, 0.5, 0.25]),
    floats('head.bias', [2], [0.5, -0.5]),
  ],
};

describe('importOnnx', () => {
  const path = temporaryDirectory();

  async function imported(parts: Parameters<typeof writeModelFile>[1], name = 'model.onnx') {
    writeModelFile(path(name), parts);
    return importOnnx(path(name));
  }

  /** The network of the package that the file describes. */
  function expected(x: Tensor<Shape>): Tensor<Shape> {
    const conv = new Conv2D(2, 3, 3, { padding: 1, bias: false });
    conv.weight.data.set(range(54, 0.1));
    const norm = new BatchNorm2D(3, { epsilon: 0.001 });
    norm.scale.data.set([1, 0.5, 2]);
    norm.bias.data.set([0.1, 0.2, -0.1]);
    norm.runningMean.data.set([0.3, -0.2, 0.1]);
    norm.runningVar.data.set([1, 2, 0.5]);
    const head = new Linear(3, 2);
    head.weight.data.set([1, 2, 3, -1, 0.5, 0.25]);
    head.bias.data.set([0.5, -0.5]);
    const images = x as Tensor<readonly [number, 2, 4, 4]>;
    return head.forward(
      norm
        .forward(conv.forward(images))
        .relu()
        .mean({ axes: [2, 3] }) as never,
    );
  }

  it('computes the network with layers of the package, for batches of any size', async () => {
    const net = await imported(network);
    for (const images of [1, 3]) {
      const x = Tensor.from(range(images * 32, 0.3), [images, 2, 4, 4]);
      expectNear(net.forward(x).data, expected(x).data, 1e-6);
    }
    expect(net.layers.map((layer) => layer.constructor)).to.deep.equal([Conv2D, BatchNorm2D, Linear]);
    expect(net.layers[1]).to.include({ epsilon: 0.001, momentum: 0.25 });
  });

  it('names parameters after the tensors of the file', async () => {
    const net = await imported(network);
    expect(net.parameters().map(([name]) => name)).to.deep.equal([
      'features.conv.weight',
      'features.norm.scale',
      'features.norm.bias',
      'features.norm.runningMean',
      'features.norm.runningVar',
      'head.weight',
      'head.bias',
    ]);
    expect(net.state().map(([name]) => name)).to.deep.equal([
      'features.norm.runningMean',
      'features.norm.runningVar',
    ]);
  });

  it('trains: every parameter gets a gradient, and the statistics change', async () => {
    const net = await imported(network);
    const x = Tensor.from(range(96, 0.3), [3, 2, 4, 4]);
    const before = net.forward(x).data.slice();
    const mean = (net.layers[1] as BatchNorm2D<3>).runningMean.data.slice();
    const optimizer = new Sgd({ lr: 0.1 });
    for (let step = 0; step < 3; step++) {
      optimizer.update(net, backward(net.forwardMut(x.trace()).square().mean()));
    }
    expect((net.layers[1] as BatchNorm2D<3>).runningMean.data).not.to.deep.equal(mean);
    const loss = (y: Float32Array) => y.reduce((sum, each) => sum + each * each, 0);
    expect(loss(net.forward(x).data)).to.be.lessThan(loss(before));
  });

  it('is folded: the batch norm joins the convolution, and a compiled plan has the same bits', async () => {
    const net = await imported(network);
    const folded = fold(net);
    expect(folded.layers.map((layer) => layer.constructor)).to.deep.equal([Conv2D, Linear]);
    expect(folded.parameters().map(([name]) => name)).to.deep.equal([
      'features.conv.weight',
      'features.conv.bias',
      'head.weight',
      'head.bias',
    ]);
    const x = Tensor.from(range(96, 0.3), [3, 2, 4, 4]);
    expectNear(folded.forward(x).data, net.forward(x).data, 1e-6);
    expect(compile(net, [3, 2, 4, 4]).runSync(x).data).to.deep.equal(folded.forward(x).data);
  });

  it('keeps a batch norm if the result of the convolution is used elsewhere', async () => {
    const net = await imported({ ...network, outputs: ['y', 'c'] });
    expect(() => fold(net)).to.throw(RangeError, 'a batch norm directly after');
  });

  it('is frozen like any other module', async () => {
    const net = await imported(network);
    net.freeze();
    const x = Tensor.from(range(96, 0.3), [3, 2, 4, 4]);
    const before = net.forward(x).data.slice();
    expectNear(net.forwardMut(x.trace()).data, before, 1e-6);
    expect(net.forward(x).data).to.deep.equal(before);
  });

  it('is cloned and saved like any other module', async () => {
    const net = await imported(network);
    const x = Tensor.from(range(32, 0.3), [1, 2, 4, 4]);
    const copy = net.clone();
    copy.resetParams(() => 0.7);
    expect(copy.forward(x).data).not.to.deep.equal(net.forward(x).data);
    await net.save(path('net.npz'));
    await copy.load(path('net.npz'));
    expect(copy.forward(x).data).to.deep.equal(net.forward(x).data);
    expect(() => JSON.stringify(net)).to.throw(TypeError, 'exportOnnx');
  });

  it('learns initializers that are no parameters of a layer, but not constants of the graph', async () => {
    const net = await imported({
      nodes: [
        node('Add', ['x', 'shift'], ['a']),
        node('Constant', [], ['two'], { value: floats('', [], [2]) }),
        node('Mul', ['a', 'two'], ['y']),
      ],
      initializers: [floats('shift', [2, 1, 1], [1, -1])],
    });
    const x = Tensor.from(range(32), [1, 2, 4, 4]);
    const sums = Array.from(x.data, (each, i) => 2 * (each + (i < 16 ? 1 : -1)));
    expect(Array.from(net.forward(x).data)).to.deep.equal(sums);
    expect(net.parameters().map(([name]) => name)).to.deep.equal(['shift', 'two']);
    expect(net.state().map(([name]) => name)).to.deep.equal(['two']);
  });

  it('keeps one tensor for a parameter that several nodes use', async () => {
    const net = await imported({
      nodes: [
        node('Conv', ['x', 'w'], ['a'], { kernel_shape: [1, 1] }),
        node('Conv', ['a', 'w'], ['y'], { kernel_shape: [1, 1] }),
      ],
      initializers: [floats('w', [2, 2, 1, 1], [1, 2, 3, 4])],
    });
    const [first, second] = net.parameters().map(([, tensor]) => tensor);
    expect(first).to.equal(second);
  });

  it('computes shapes from the shape of the input', async () => {
    const net = await imported({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Unsqueeze', ['n', 'axes'], ['n1']),
        node('Concat', ['n1', 'open'], ['shape'], { axis: 0 }),
        node('Reshape', ['x', 'shape'], ['y']),
      ],
      initializers: [int64s('zero', [], [0]), int64s('axes', [1], [0]), int64s('open', [1], [-1])],
    });
    for (const images of [1, 5]) {
      expect(net.forward(Tensor.zeros([images, 2, 4, 4])).shape).to.deep.equal([images, 32]);
    }
  });

  it('chooses the batch norm by the number of axes', async () => {
    const parameters = ['s', 'b', 'm', 'v'];
    const net = await imported({
      nodes: [node('BatchNormalization', ['x', ...parameters], ['y'])],
      initializers: parameters.map((name) => floats(name, [2], [1, 2])),
      inputs: { x: ['N', 2, 3, 3, 3] },
    });
    expect(net.layers[0]).to.be.instanceOf(BatchNorm3D);
    expect(net.forward(Tensor.zeros([1, 2, 3, 3, 3])).shape).to.deep.equal([1, 2, 3, 3, 3]);
  });

  it('drops values in training only', async () => {
    const net = await imported({ nodes: [node('Dropout', ['x'], ['y', 'mask'])] });
    expect(net.layers[0]).to.be.instanceOf(Dropout);
    const x = Tensor.ones([1, 2, 4, 4]);
    expect(Array.from(net.forward(x).data)).to.deep.equal(Array(32).fill(1));
    const dropped = net.forwardMut(x.trace()).data;
    expect(new Set(dropped)).to.deep.equal(new Set([0, 2]));
  });

  it('leaves inputs and parameters usable after a result is disposed of', async () => {
    const net = await imported({
      nodes: [node('Identity', ['x'], ['y']), node('Identity', ['w'], ['z'])],
      initializers: [floats('w', [2], [1, 2])],
      outputs: ['y', 'z'],
    });
    const x = Tensor.ones([1, 2, 4, 4]);
    for (const output of Object.values(net.run({ x }))) output.dispose();
    expect(x.data[0]).to.equal(1);
    expect(Array.from(net.run({ x }).z.data)).to.deep.equal([1, 2]);
  });

  it('runs networks with several inputs and outputs by name, and says so', async () => {
    const net = await imported({
      nodes: [node('Add', ['a', 'b'], ['sum']), node('Sub', ['a', 'b'], ['difference'])],
      inputs: { a: [2], b: [2] },
      outputs: ['sum', 'difference'],
    });
    const [a, b] = [Tensor.from([1, 2], [2]), Tensor.from([10, 20], [2])];
    const { sum, difference } = net.run({ a, b });
    expect([...sum.data, ...difference.data]).to.deep.equal([11, 22, -9, -18]);
    const trained = net.runMut({ a: a.trace(), b: b.trace() });
    expect(Array.from(backward(trained.difference.sum()).get(b)?.data ?? [])).to.deep.equal([-1, -1]);
    expect(() => net.forward(a)).to.throw(TypeError, 'use run()');
    expect(() => net.run({ a })).to.throw(TypeError, 'for b');
    expect(() => net.run({ a, b, c: a })).to.throw(RangeError, 'the names a, b');
  });

  it('works in a program that imports only batchnorm/onnx', () => {
    writeModelFile(path('alone.onnx'), {
      nodes: [node('Mul', ['w', 'w'], ['v']), node('Add', ['x', 'v'], ['y'])],
      initializers: [floats('w', [1], [2])],
    });
    const program = `import { importOnnx } from 'batchnorm/onnx';
      console.log((await importOnnx(${JSON.stringify(path('alone.onnx'))})).inputNames.join());`;
    const { stdout, stderr } = spawnSync(
      nodeProcess.file,
      nodeProcess.args('--input-type=module', '--eval', program),
      {
        encoding: 'utf8',
        cwd: packagePath('.'),
      },
    );
    expect({ stdout, stderr }).to.deep.equal({ stdout: 'x\n', stderr: '' });
  });

  it('names the node in errors while it runs', async () => {
    const net = await imported({
      nodes: [node('Add', ['x', 'shift'], ['y'])],
      initializers: [floats('shift', [3], [1, 2, 3])],
    });
    expect(() => net.forward(Tensor.zeros([1, 2, 4, 4]))).to.throw(RangeError, 'in Add_y (Add)');
  });
});
