import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { FileFormatError, Tensor } from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import fc from 'fast-check';
import { describeGraph } from '#lib/onnx/describe-graph';
import type { NodeProto, TensorProto } from '#lib/onnx/proto/messages';
import { expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { floats, int64s, model, node } from './build.js';

describe('importOnnx refuses', () => {
  const path = temporaryDirectory();

  async function expectRefused(parts: Parameters<typeof model>[0], ...texts: string[]): Promise<void> {
    const file = path('model.onnx');
    writeFileSync(file, model(parts));
    const loading = importOnnx(file, { maxComputedBytes: 1_000_000 });
    await expectRejection(loading, FileFormatError, file, ...texts);
  }

  const small = model({
    nodes: [node('Conv', ['x', 'w'], ['c'], { pads: [1, 1, 1, 1] }), node('Relu', ['c'], ['y'])],
    initializers: [floats('w', [2, 2, 3, 3], Array<number>(36).fill(0.5))],
  });

  /** Loads damaged bytes. Nothing but a FileFormatError may be thrown; damage may also go unnoticed. */
  async function load(bytes: Uint8Array): Promise<void> {
    const file = path('damaged.onnx');
    writeFileSync(file, bytes);
    try {
      await importOnnx(file);
    } catch (error) {
      expect(error).to.be.instanceOf(FileFormatError);
    }
  }

  it('files that end anywhere, also when they are described', async () => {
    const file = path('damaged.onnx');
    for (let length = 0; length < small.length; length++) {
      await load(small.subarray(0, length));
      const error: unknown = await describeGraph(file).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).to.be.instanceOf(FileFormatError);
    }
  });

  it('files with changed bytes', async () => {
    const change = fc.tuple(fc.nat(small.length - 1), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const bytes = small.slice();
        for (const [at, value] of list) bytes[at] = value;
        await load(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('other kinds of files, naming them', async () => {
    const file = path('other.onnx');
    writeFileSync(file, '<!doctype html><html></html>');
    await expectRejection(importOnnx(file), FileFormatError, file, 'an HTML page');
    writeFileSync(file, '');
    await expectRejection(importOnnx(file), FileFormatError, file, 'an empty file');
    await expectRejection(importOnnx(path('.')), FileFormatError, 'a directory');
  });

  it('graphs with a cycle, and nodes before their inputs', async () => {
    const cycle = [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b'])];
    await expectRefused({ nodes: cycle, outputs: ['b'] }, '"Add_a"', 'not computed before it, "b"');
    await expectRefused({ nodes: [node('Relu', ['z'], ['y'])] }, 'unknown value, "z"');
  });

  it('shapes that do not fit a layer, naming the node', async () => {
    const parameters = ['s', 'b', 'm', 'v'].map((name) => floats(name, [3], [1, 2, 3]));
    const groups = node('Conv', ['x', 'w'], ['y'], { group: 3 });
    await expectRefused({ nodes: [groups], initializers: [floats('w', [2, 1, 1, 1], [1, 2])] }, '"Conv_y"');
    const norm = node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y'], { epsilon: -0.5 });
    await expectRefused({ nodes: [norm], initializers: parameters }, '"BatchNormalization_y"', 'epsilon');
  });

  it('a kernel_shape that is not that of the weight, before memory is allocated for it', async () => {
    for (const kernels of [
      [2 ** 20, 2 ** 20],
      [1, 1, 1],
      [3, 2],
    ]) {
      const conv = node('Conv', ['x', 'w'], ['y'], { kernel_shape: kernels });
      const weight = floats('w', [2, 2, 3, 3], Array<number>(36).fill(0.5));
      await expectRefused(
        { nodes: [conv], initializers: [weight] },
        '"Conv_y"',
        'kernel_shape',
        '[2, 2, 3, 3]',
      );
    }
  });

  it('a shape for Expand that does not broadcast, before memory is allocated for it', async () => {
    const nodes = [node('Expand', ['w', 'shape'], ['v']), node('Add', ['x', 'v'], ['y'])];
    await expectRefused(
      { nodes, initializers: [floats('w', [0], []), int64s('shape', [1], [2 ** 40])] },
      '"Expand_v"',
      'broadcasts',
    );
  });

  it('long names and control characters only in part and escaped', async () => {
    const name = `\u001b[2J${'x'.repeat(1_000_000)}`;
    const file = path('model.onnx');
    writeFileSync(file, model({ nodes: [node(name, ['x'], ['y'])] }));
    const error = await importOnnx(file).catch((reason: unknown) => reason as Error);
    expect(error).to.be.instanceOf(FileFormatError);
    expect((error as Error).message.length).to.be.lessThan(2000);
    expect((error as Error).message).not.to.include('\u001b');
  });

  it('two values of one name', async () => {
    const twice = [node('Relu', ['x'], ['y']), node('Exp', ['x'], ['y'])];
    await expectRefused({ nodes: twice }, '"y"', 'another node with this output');
    const same = floats('w', [1], [1]);
    await expectRefused({ nodes: [node('Relu', ['x'], ['y'])], initializers: [same, same] }, '"w"');
  });

  it('unsupported operators and attributes, naming all operators and the node', async () => {
    const nodes = [node('TopK', ['x'], ['a']), node('Einsum', ['a'], ['b']), node('NonZero', ['b'], ['y'])];
    await expectRefused({ nodes }, '"TopK_a"', 'TopK; also Einsum, NonZero');
    const other: NodeProto = { ...node('Relu', ['x'], ['y']), domain: 'com.example' };
    await expectRefused({ nodes: [other] }, 'com.example.Relu');
    const cubic = node('Resize', ['x', '', 'scales'], ['y'], { mode: 'cubic' });
    await expectRefused(
      { nodes: [cubic], initializers: [floats('scales', [4], [1, 1, 2, 2])] },
      '"Resize_y"',
      'attributes and inputs of Resize',
      'mode = cubic',
    );
  });

  it('tensors whose values are missing, before memory is allocated', async () => {
    const absurd: TensorProto = { ...floats('w', [], []), shape: [2 ** 31, 1] };
    const nodes = [node('Add', ['x', 'w'], ['y'])];
    await expectRefused({ nodes, initializers: [absurd] }, '"w"', 'bytes of values');
    const huge: TensorProto = { ...absurd, shape: [2 ** 40, 2 ** 40] };
    await expectRefused({ nodes, initializers: [huge] }, '"w"', 'at most 4294967296 values');
    const negative: TensorProto = { ...absurd, shape: [-1, 3] };
    await expectRefused({ nodes, initializers: [negative] }, '"w"', 'not negative');
    const text: TensorProto = { ...absurd, elementType: 8 };
    await expectRefused({ nodes, initializers: [text] }, '"w"', 'string');
  });

  it('constants that take more memory than allowed, before memory is allocated', async () => {
    const zeros = node('ConstantOfShape', ['size'], ['w']);
    await expectRefused(
      {
        nodes: [zeros, node('Add', ['x', 'w'], ['y'])],
        initializers: [int64s('size', [2], [2 ** 20, 2 ** 20])],
      },
      '"ConstantOfShape_w"',
      'maxComputedBytes',
    );
    // Each node doubles the result of the one before it.
    const doubling = Array.from({ length: 60 }, (_, i) =>
      node('Concat', [`c${i}`, `c${i}`], [`c${i + 1}`], { axis: 0 }),
    );
    const last = node('Add', ['x', 'c60'], ['y']);
    await expectRefused(
      { nodes: [...doubling, last], initializers: [floats('c0', [1], [1])] },
      'maxComputedBytes',
    );
    await expectRefused(
      { nodes: [...doubling, last], initializers: [int64s('c0', [1], [1])] },
      'maxComputedBytes',
    );
  });

  it('nothing about a million positions of a constant, which are few bytes, but reads them at once', async () => {
    const positions = Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 97);
    const file = path('gather.onnx');
    const nodes = [node('Gather', ['w', 'i'], ['v'], { axis: 0 }), node('Identity', ['v'], ['y'])];
    const values = Array.from({ length: 97 }, (_, i) => i);
    const initializers = [floats('w', [97], values), int64s('i', [1_000_000], positions)];
    writeFileSync(file, model({ nodes, initializers }));
    const { y } = (await importOnnx(file)).run({ x: Tensor.zeros([1, 2, 4, 4]) });
    expect(y.data.every((value, i) => value === positions[i])).to.equal(true);
  });

  it('a list that claims to be longer than the file, without reading on', async () => {
    // The sizes of a tensor: 2^40 bytes of them, none of which is there.
    const tensor = [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    const graph = [0x2a, tensor.length, ...tensor];
    const file = path('long.onnx');
    writeFileSync(file, Uint8Array.from([0x3a, graph.length, ...graph]));
    await expectRejection(importOnnx(file), FileFormatError, 'a complete message');
  });

  it('more messages than a model has, which take memory but hardly any bytes', async function () {
    this.timeout(60_000);
    const nodes = new Uint8Array(2 * 1_100_000);
    for (let i = 0; i < nodes.length; i += 2) nodes[i] = 0x0a;
    const graph = Buffer.alloc(6);
    graph[0] = 0x3a;
    // The length as a varint of five bytes.
    for (let i = 0, rest = nodes.length; i < 5; i++, rest >>>= 7)
      graph[i + 1] = (rest & 0x7f) | (i < 4 ? 0x80 : 0);
    const file = path('many.onnx');
    writeFileSync(file, Buffer.concat([graph, nodes]));
    await expectRejection(importOnnx(file), FileFormatError, 'at most 1000000 messages');
  });

  describe('external data', () => {
    const external = (location: string, more: readonly (readonly [string, string])[] = []): TensorProto => ({
      ...floats('w', [2], []),
      values: { kind: 'external', place: new Map([['location', location], ...more]) },
    });
    const nodes = [node('Identity', ['w'], ['y'])];

    before(() => {
      mkdirSync(path('inside'));
      writeFileSync(path('secret.bin'), new Uint8Array(Float32Array.of(7, 8).buffer));
      writeFileSync(path('inside/data.bin'), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
      symlinkSync(path('secret.bin'), path('inside/link.bin'));
    });

    async function load(tensor: TensorProto) {
      const file = path('inside/model.onnx');
      writeFileSync(file, model({ nodes, initializers: [tensor] }));
      return importOnnx(file);
    }

    it('is read beside the model, from an offset', async () => {
      const net = await load(external('data.bin', [['offset', '4']]));
      expect(Array.from(net.run({ x: Tensor.zeros([1, 2, 4, 4]) }).y.data)).to.deep.equal([2, 3]);
    });

    for (const location of [
      '../secret.bin',
      '/etc/hostname',
      'a/../../secret.bin',
      '..\\secret.bin',
      'link.bin',
      '',
    ]) {
      it(`is refused outside the model's folder: ${JSON.stringify(location)}`, async () => {
        await expectRejection(load(external(location)), FileFormatError, '"w"', "in the model's folder");
      });
    }

    it('is refused if it is a folder, a pipe or a link to a folder outside', async () => {
      mkdirSync(path('inside/folder'));
      mkdirSync(path('outside'));
      writeFileSync(path('outside/data.bin'), new Uint8Array(8));
      symlinkSync(path('outside'), path('inside/linked'));
      await expectRejection(load(external('folder')), FileFormatError, 'a directory');
      await expectRejection(load(external('linked/data.bin')), FileFormatError, "in the model's folder");
      if (spawnSync('mkfifo', [path('inside/pipe')]).status === 0) {
        await expectRejection(load(external('pipe')), FileFormatError, 'a pipe');
      }
      await expectRejection(load(external('missing.bin')), Error, 'ENOENT');
    });

    it('is refused if the file is too short or the numbers are wrong', async () => {
      await expectRejection(
        load(external('data.bin', [['offset', '8']])),
        FileFormatError,
        'a file of 12 bytes',
      );
      await expectRejection(
        load(external('data.bin', [['offset', '-1']])),
        FileFormatError,
        'a number of bytes',
      );
      await expectRejection(load(external('data.bin', [['length', '4']])), FileFormatError, '8 bytes');
      const large: TensorProto = { ...external('data.bin'), shape: [2 ** 31] };
      await expectRejection(load(large), FileFormatError, 'a file of 12 bytes');
    });
  });
});
