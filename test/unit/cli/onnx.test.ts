import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { BatchNorm2D, Conv2D, ReLU, Sequential, Tensor } from 'batchnorm';
import { exportOnnx, importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { floats, node, writeModelFile } from '../onnx/build.js';
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

  it('are refused with one line and code 1 if they are damaged or hostile, and nothing is written', () => {
    const whole = readFileSync(path('net.onnx'));
    const external = {
      ...floats('w', [2], []),
      values: { kind: 'external', place: new Map([['location', '../secret']]) },
    } as const;
    writeFileSync(path('short.onnx'), whole.subarray(0, whole.length - 10));
    writeModelFile(path('cycle.onnx'), {
      nodes: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b'])],
      outputs: ['b'],
    });
    writeModelFile(path('outside.onnx'), {
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializers: [external],
    });
    writeModelFile(path('huge.onnx'), {
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializers: [{ ...floats('w', [], []), shape: [2 ** 31, 1] }],
    });
    for (const [file, reason] of [
      ['short.onnx', 'a complete message'],
      ['cycle.onnx', 'not computed before it'],
      ['outside.onnx', "in the model's folder"],
      ['huge.onnx', 'bytes of values'],
    ]) {
      const converted = batchnorm(['convert', path(file), path('none.npz')]);
      expect(converted.code, file).to.equal(1);
      expect(converted.errors)
        .to.include(reason)
        .and.to.match(/^batchnorm: .*\n$/);
      const inspected = batchnorm(['inspect', path(file)]);
      expect(inspected.output + inspected.errors, file).to.include(reason);
      expect(inspected.errors).not.to.include(' at ');
    }
    expect(existsSync(path('none.npz'))).to.equal(false);
  });

  it('need a shape that suits the network, and known options', () => {
    const wrong = (...args: string[]) => batchnorm(['convert', path('net.onnx'), path('none.onnx'), ...args]);
    expect(wrong('--shape', '1,x'))
      .to.include({ code: 2 })
      .and.to.have.property('errors')
      .that.includes('--shape');
    expect(wrong('--shape', '1,4,5,5'))
      .to.include({ code: 1 })
      .and.to.have.property('errors')
      .that.includes('[N, 3, H, W]');
    expect(wrong('--form', 'a'))
      .to.include({ code: 2 })
      .and.to.have.property('errors')
      .that.includes('--form');
    expect(batchnorm(['convert', path('net.onnx'), path('none.txt')]).code).to.equal(2);
    expect(batchnorm(['inspect', path('net.onnx'), path('net.onnx')]).code).to.equal(2);
    expect(batchnorm(['inspect', path('missing.onnx')])).to.include({ code: 1 });
    expect(existsSync(path('none.onnx'))).to.equal(false);
  });
});
