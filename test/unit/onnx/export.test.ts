import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  backward,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  Flatten,
  fold,
  Linear,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  Tensor,
} from 'batchnorm';
import { exportOnnx, importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { readModel } from '#lib/onnx/proto/read-model';
import { expectRejection, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

// test/conformance/onnx-export runs exported files in onnxruntime and in ONNX's reference evaluator.

const rng = seeded(3);

function network() {
  const block = new Sequential(new Conv2D(4, 4, 3, { padding: 1, bias: false, rng }), new BatchNorm2D(4));
  const net = new Sequential(
    new Conv2D(3, 4, 3, { padding: 1, bias: false, rng }),
    new BatchNorm2D(4),
    new ReLU(),
    new Residual(block),
    new ReLU(),
    new Flatten(),
    new Linear(4 * 6 * 6, 5, { rng }),
  );
  for (const [name, tensor] of net.parameters()) {
    if (/runningVar|scale/.test(name)) tensor.data.set(Array.from(tensor.data, () => 0.5 + rng()));
    if (name.includes('runningMean')) tensor.data.set(Array.from(tensor.data, () => rng() - 0.5));
  }
  return net;
}

describe('exportOnnx', () => {
  const path = temporaryDirectory();

  const fail = (expected: string, found: string): never => {
    expect.fail(`${expected} / ${found}`);
  };
  const parsed = (file: string) => readModel(readFileSync(file), fail);
  const operatorsOf = (file: string) => parsed(file).graph.nodes.map(({ operator }) => operator);

  it('writes a network that importOnnx reads back', async () => {
    const net = network();
    await exportOnnx(net, path('net.onnx'), { input: [2, 3, 6, 6] });
    const x = Tensor.randn([2, 3, 6, 6], { rng });
    const read = await importOnnx(path('net.onnx'));
    expectNear(read.forward(x).data, net.forward(x).data, 1e-6);
  });

  it('keeps the names of parameters and the batch norms', async () => {
    const net = network();
    const file = path('names.onnx');
    await exportOnnx(net, file, { input: [1, 3, 6, 6] });
    const { initializers } = parsed(file).graph;
    expect(initializers.map(({ name }) => name)).to.include.members(net.parameters().map(([name]) => name));
    expect(operatorsOf(file).filter((each) => each === 'BatchNormalization')).to.have.length(2);
    const read = await importOnnx(file);
    expect(
      read
        .parameters()
        .map(([name]) => name)
        .sort(),
    ).to.deep.equal(
      net
        .parameters()
        .map(([name]) => name)
        .sort(),
    );
  });

  it('writes a folded network without batch norms', async () => {
    const net = network();
    const folded = fold(net);
    await exportOnnx(folded, path('folded.onnx'), { input: [1, 3, 6, 6] });
    expect(operatorsOf(path('folded.onnx'))).not.to.include('BatchNormalization');
    const x = Tensor.randn([1, 3, 6, 6], { rng });
    expectNear((await importOnnx(path('folded.onnx'))).forward(x).data, net.forward(x).data, 1e-5);
  });

  it('leaves the size of the batch open with dynamicBatch', async () => {
    const net = network();
    const file = path('batch.onnx');
    await exportOnnx(net, file, { input: [1, 3, 6, 6], dynamicBatch: true });
    const { inputs, outputs } = parsed(file).graph;
    expect(inputs[0].shape).to.deep.equal(['N', 3, 6, 6]);
    expect(outputs[0].shape).to.deep.equal(['N', 5]);
    const read = await importOnnx(file);
    for (const images of [1, 4]) {
      const x = Tensor.randn([images, 3, 6, 6], { rng });
      expectNear(read.forward(x).data, net.forward(x).data, 1e-6);
    }
  });

  it('writes the values to a second file with externalData', async () => {
    const net = network();
    const file = path('external.onnx');
    await exportOnnx(net, file, { input: [1, 3, 6, 6], externalData: true });
    const count = net.parameters().reduce((sum, [, { data }]) => sum + data.length, 0);
    expect(statSync(`${file}.data`).size).to.equal(4 * count);
    const x = Tensor.randn([1, 3, 6, 6], { rng });
    expectNear((await importOnnx(file)).forward(x).data, net.forward(x).data, 1e-6);
    await exportOnnx(net, path('inline.onnx'), { input: [1, 3, 6, 6] });
    expect(existsSync(`${path('inline.onnx')}.data`)).to.equal(false);
  });

  it('exports an imported network', async () => {
    const net = network();
    await exportOnnx(net, path('first.onnx'), { input: [1, 3, 6, 6], dynamicBatch: true });
    const read = await importOnnx(path('first.onnx'));
    await exportOnnx(read, path('second.onnx'), { input: [1, 3, 6, 6], dynamicBatch: true });
    const x = Tensor.randn([2, 3, 6, 6], { rng });
    expectNear((await importOnnx(path('second.onnx'))).forward(x).data, net.forward(x).data, 1e-6);
  });

  it('writes a Linear as one Gemm, which is a Linear again after the import', async () => {
    const net = new Sequential(new Linear(3, 4, { rng }), new ReLU(), new Linear(4, 2, { bias: false, rng }));
    await exportOnnx(net, path('linear.onnx'), { input: [2, 3], dynamicBatch: true });
    expect(operatorsOf(path('linear.onnx'))).to.deep.equal(['Gemm', 'Relu', 'Gemm']);
    const read = await importOnnx(path('linear.onnx'));
    expect(read.layers.map((layer) => (layer as Linear<number, number>).bias === undefined)).to.deep.equal([
      false,
      true,
    ]);
    const names = (module: BaseModule) => module.parameters().map(([name]) => name);
    expect(names(read)).to.deep.equal(names(net));
    const x = Tensor.randn([5, 3], { rng });
    expectNear(read.forward(x).data, net.forward(x).data, 1e-6);
  });

  class Product extends BaseModule {
    readonly weight = Tensor.from([1, 2, 3, 4, 5, 6], [3, 2]);
    readonly bias = Tensor.from([10, 20], [2]);

    forward(x: Tensor<readonly [number, 3]>): Tensor<Shape> {
      const product = x.matmul(this.weight);
      return product.add(this.bias).mul(product);
    }
  }

  it('keeps a product without its bias if something else reads it', async () => {
    await exportOnnx(new Product(), path('product.onnx'), { input: [2, 3] });
    expect(operatorsOf(path('product.onnx'))).to.deep.equal(['MatMul', 'Add', 'Mul']);
    const read = await importOnnx(path('product.onnx'));
    expect(Array.from(read.forward(Tensor.ones([2, 3])).data).slice(0, 2)).to.deep.equal([19 * 9, 32 * 12]);
  });

  class Shift extends BaseModule {
    readonly shift = Tensor.from([1, -1, 2], [3]);

    forward(x: Tensor<Shape>): Tensor<Shape> {
      return x.add(this.shift.reshape([3, 1, 1]));
    }
  }

  it('keeps the name of a parameter that is read in another shape, and trains it after the import', async () => {
    await exportOnnx(new Shift(), path('shift.onnx'), { input: [2, 3, 2, 2] });
    const read = await importOnnx(path('shift.onnx'));
    expect(read.parameters().map(([name]) => name)).to.deep.equal(['shift']);
    expect(read.state()).to.deep.equal([]);
    const gradients = backward(read.forwardMut(Tensor.zeros([2, 3, 2, 2]).trace()).sum());
    expect(Array.from(gradients.get(read.tensors[0])?.data ?? [])).to.deep.equal([8, 8, 8]);
  });

  it('exports a network that returns its input', async () => {
    await exportOnnx(new Sequential(), path('empty.onnx'), { input: [2, 3] });
    expect(operatorsOf(path('empty.onnx'))).to.deep.equal(['Identity']);
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    expect((await importOnnx(path('empty.onnx'))).forward(x).data).to.deep.equal(x.data);
  });

  class Branches extends BaseModule {
    forward(x: Tensor<Shape>): Tensor<Shape> {
      return x.shape[0] > 4 ? x.relu() : x.exp();
    }
  }

  class Reads extends BaseModule {
    forward(x: Tensor<Shape>): Tensor<Shape> {
      return x.mul(x.data[0]);
    }
  }

  it('refuses networks that a file cannot describe, and writes nothing', async () => {
    const input = [2, 3];
    const reads = exportOnnx(new Reads(), path('wrong.onnx'), { input });
    await expectRejection(reads, Error, 'reads values', 'Reads');
    const branches = exportOnnx(new Branches(), path('wrong.onnx'), { input, dynamicBatch: true });
    await expectRejection(branches, Error, 'another size of the batch');
    await exportOnnx(new Branches(), path('branch.onnx'), { input });
    expect(operatorsOf(path('branch.onnx'))).to.deep.equal(['Exp']);
    expect(existsSync(path('wrong.onnx'))).to.equal(false);
  });

  it('checks its arguments', async () => {
    const untyped = exportOnnx as unknown as Untyped;
    const call = (...args: unknown[]) => Promise.resolve().then(() => untyped(...args));
    await expectRejection(call({}, path('a'), { input: [1] }), TypeError, 'model');
    await expectRejection(call(network(), 5, { input: [1] }), TypeError, 'path');
    await expectRejection(call(network(), path('a')), TypeError, 'options');
    await expectRejection(call(network(), path('a'), {}), TypeError, 'input');
    await expectRejection(call(network(), path('a'), { input: [-1] }), RangeError, 'input[0]');
    await expectRejection(call(network(), path('a'), { input: [1, 4, 6, 6] }), RangeError, '[3, H, W]');
    await expectRejection(call(network(), path('a'), { inputs: [1] }), TypeError, 'inputs');
  });
});
