import { readFileSync } from 'node:fs';
import {
  type BaseModule,
  BatchNorm2D,
  FileFormatError,
  type FileContent,
  Linear,
  loadCheckpoint,
  loadSafetensors,
  NpzReader,
  Tensor,
} from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { referencePath } from '../../../conformance/reference/read.js';
import { detached, expectRejection, type Untyped } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { floats, node, writeModelFile } from '../../onnx/build.js';

/** The content of a file in each form that can be loaded. */
const forms: Record<string, (bytes: Buffer) => FileContent> = {
  'a Uint8Array': (bytes) => new Uint8Array(bytes),
  'a view into a larger buffer': (bytes) =>
    new DataView(new Uint8Array([7, ...bytes, 7]).buffer, 1, bytes.length),
  'an ArrayBuffer': (bytes) => new Uint8Array(bytes).buffer,
  'a SharedArrayBuffer': (bytes) => {
    const buffer = new SharedArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    return buffer;
  },
  'a Blob': (bytes) => new Blob([new Uint8Array(bytes)]),
  'a Response': (bytes) => new Response(new Uint8Array(bytes)),
};

const values = (module: BaseModule) => [...module.parameters()].map(([, tensor]) => tensor.array());

describe('loading the content of a file', () => {
  const path = temporaryDirectory();

  for (const [form, contentOf] of Object.entries(forms)) {
    it(`reads .npz, checkpoints, safetensors and ONNX from ${form}`, async () => {
      for (const name of ['savez', 'savez-compressed', 'float64', 'big-endian', 'version-3', 'zip64']) {
        const file = referencePath(`npz/${name}.npz`);
        const [expected, bn] = [new BatchNorm2D(3), new BatchNorm2D(3)];
        await expected.load(file);
        await bn.load(contentOf(readFileSync(file)));
        expect(values(bn), name).to.deep.equal(values(expected));
        await loadCheckpoint(contentOf(readFileSync(file)), { model: bn });
      }

      const net = new Linear(3, 2);
      await net.saveSafetensors(path('net.safetensors'));
      const copy = net.clone();
      for (const [, tensor] of copy.parameters()) tensor.data.fill(9);
      await loadSafetensors(contentOf(readFileSync(path('net.safetensors'))), copy);
      expect(values(copy)).to.deep.equal(values(net));

      writeModelFile(path('model.onnx'), {
        nodes: [node('Gemm', ['x', 'weight', 'bias'], ['y'], { transB: 1 })],
        initializers: [floats('weight', [2, 3], [1, 2, 3, -1, 0.5, 0.25]), floats('bias', [2], [0.5, -0.5])],
      });
      const model = await importOnnx(contentOf(readFileSync(path('model.onnx'))));
      const y = model.forward(Tensor.from([1, 2, 3], [1, 3]));
      expect(y.array()).to.deep.equal([[14.5, 0.25]]);
    });
  }

  it('names files and URLs in errors', async () => {
    const bn = new BatchNorm2D(3);
    const text = new TextEncoder().encode('Not found');
    const file = new File([text], 'weights.npz');
    await expectRejection(bn.load(file), FileFormatError, 'weights.npz', 'the text "Not found"');
    await expectRejection(bn.load(text), FileFormatError, 'the given bytes');
    await expectRejection(bn.load(new Blob([text])), FileFormatError, 'the given content');
    const response = Object.defineProperty(new Response(text), 'url', { value: 'https://a.example/b.npz' });
    await expectRejection(bn.load(response), FileFormatError, 'https://a.example/b.npz');
  });

  it('refuses the error of a server', async () => {
    const response = new Response('x', { status: 404 });
    const bn = new BatchNorm2D(3);
    await expectRejection(bn.load(response), FileFormatError, 'HTTP status 404');
    await expectRejection(bn.loadSafetensors(response), FileFormatError, 'HTTP status 404');
    await expectRejection(importOnnx(response), FileFormatError, 'HTTP status 404');
  });

  it('refuses what is neither a path nor content, and detached content', async () => {
    const bn = new BatchNorm2D(3);
    const load = bn.load.bind(bn) as Untyped as (source: unknown) => Promise<void>;
    const wrong = ['a path or a file: URL', 'for path'];
    for (const source of [1, null, undefined, {}, [1, 2], { arrayBuffer: 1 }, () => 1]) {
      await expectRejection(load(source), TypeError, ...wrong);
    }
    await expectRejection(load(detached(3)), TypeError, 'detached');
    await expectRejection(load(detached(3).buffer), TypeError, 'detached');
    await expectRejection(load({ arrayBuffer: () => 'text' }), TypeError, 'an ArrayBuffer for the result of');
  });

  it('closes nothing that it has not opened: an archive in memory can be read again', async () => {
    const bytes = readFileSync(referencePath('npz/savez.npz'));
    const zip = await NpzReader.open(bytes);
    expect(zip.names).to.include('scale.npy');
    zip.close();
    await expectRejection(zip.tensor('scale.npy', Tensor.zeros([3])), TypeError, 'was closed');
    await new BatchNorm2D(3).load(bytes);
  });

  it('refuses an index of safetensors files and external data of ONNX, which only a path can find', async () => {
    const index = new TextEncoder().encode('{"weight_map": {"weight": "part.safetensors"}}');
    await expectRejection(new Linear(1, 1).loadSafetensors(index), FileFormatError, 'an index of such files');
    const weight = {
      ...floats('weight', [1, 1], []),
      values: { kind: 'external', place: new Map([['location', 'weight.bin']]) } as const,
    };
    writeModelFile(path('external.onnx'), { nodes: [node('Relu', ['x'], ['y'])], initializers: [weight] });
    const model = readFileSync(path('external.onnx'));
    await expectRejection(importOnnx(model), FileFormatError, 'values within the model', 'external data');
  });

  it('changes nothing for an archive cut at any length', async () => {
    const bytes = readFileSync(referencePath('npz/savez-compressed.npz'));
    const bn = new BatchNorm2D(3);
    const before = values(bn);
    for (let length = 0; length < bytes.length; length++) {
      await expectRejection(bn.load(bytes.subarray(0, length)), FileFormatError, 'the given bytes');
    }
    expect(values(bn)).to.deep.equal(before);
  });
});
