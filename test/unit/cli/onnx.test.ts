import { BatchNorm2D, Conv2D, ReLU, Sequential, Tensor } from 'batchnorm';
import { exportOnnx, importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { node, writeModelFile } from '../onnx/build.js';
import { batchnorm } from './run-cli.js';

const rng = seeded(9);

describe('ONNX files on the command line', () => {
  const path = temporaryDirectory();
  const net = new Sequential(new Conv2D(3, 4, 3, { bias: false, rng }), new BatchNorm2D(4), new ReLU());
  const x = Tensor.randn([2, 3, 5, 5], { rng });

  before(async () => {
    net.layers[1].runningMean.data.set([1, 2, 3, 4]);
    await exportOnnx(net, path('net.onnx'), { input: [1, 3, 5, 5], dynamicBatch: true });
    await net.save(path('net.npz'));
  });

  it('are inspected: inputs, outputs, nodes and parameters', () => {
    const { code, output, errors } = batchnorm(['inspect', path('net.onnx')]);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    expect(output)
      .to.include('an ONNX file, 5 arrays')
      .and.to.match(/^input +input +float32 +\[N, 3, 5, 5\]$/m)
      .and.to.match(/^output +output +float32 +\[N, 4, 3, 3\]$/m)
      .and.to.match(/^0\/Conv +Conv +\[N, 4, 3, 3\]$/m)
      .and.to.match(/^1\.runningMean +float32 +\[4\] +1 +4 +2\.5$/m)
      .and.to.match(/trainable weights +116$/m)
      .and.to.match(/running statistics +8$/m);
    const { graph } = JSON.parse(batchnorm(['inspect', path('net.onnx'), '--json']).output) as {
      graph: { nodes: { operator: string }[] };
    };
    expect(graph.nodes.map(({ operator }) => operator)).to.deep.equal(['Conv', 'BatchNormalization', 'Relu']);
  });

  it('are inspected if importOnnx does not support them, with the reason', () => {
    writeModelFile(path('other.onnx'), { nodes: [node('TopK', ['x'], ['y'])] });
    const { output } = batchnorm(['inspect', path('other.onnx')]);
    expect(output)
      .to.match(/^TopK_y +TopK +unknown$/m)
      .and.to.match(/importOnnx refuses it: .*TopK/);
  });

  it('are converted to .npz and safetensors, and back with the file of the network', async () => {
    for (const weights of ['weights.npz', 'weights.safetensors']) {
      expect(batchnorm(['convert', path('net.onnx'), path(weights)]).code).to.equal(0);
      const other = await importOnnx(path('net.onnx'));
      other.resetParams(rng);
      await exportOnnx(other, path('reset.onnx'), { input: [1, 3, 5, 5], dynamicBatch: true });
      const back = ['convert', path(weights), path('back.onnx'), '--model', path('reset.onnx')];
      expect(batchnorm(back)).to.deep.equal({
        code: 0,
        output: `${path('back.onnx')}: 5 arrays\n`,
        errors: '',
      });
      const read = await importOnnx(path('back.onnx'));
      expect(read.forward(x).data).to.deep.equal(net.forward(x).data);
    }
  });

  it('are not needed to convert .npz to safetensors and back', () => {
    expect(batchnorm(['convert', path('net.npz'), path('a.safetensors')]).code).to.equal(0);
    expect(batchnorm(['convert', path('a.safetensors'), path('b.npz')]).code).to.equal(0);
    const shapes = (file: string) =>
      (JSON.parse(batchnorm(['inspect', path(file), '--json']).output) as { arrays: object[] }).arrays.map(
        (array) => {
          const { name, shape, statistics } = array as {
            name: string;
            shape: number[];
            statistics: { mean: number };
          };
          return { name, shape, mean: Math.fround(statistics.mean) };
        },
      );
    expect(shapes('b.npz')).to.have.deep.members(shapes('net.npz'));
  });

  it('are refused as an output without the network', () => {
    const { code, errors } = batchnorm(['convert', path('net.npz'), path('c.onnx')]);
    expect(code).to.equal(2);
    expect(errors).to.include('Expected --model');
  });
});
