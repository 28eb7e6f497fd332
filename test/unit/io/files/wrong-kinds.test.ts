import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type FileKind, fileKind } from '#lib/io/files/file-kind';
import { BatchNorm2D, FileFormatError, loadCheckpoint, loadSafetensors, readIdx, Sgd } from 'batchnorm';
import { expect } from 'chai';
import { batchnorm } from '../../cli/run-cli.js';
import { referencePath } from '../../../conformance/reference/read.js';
import { expectRejection } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

const npz = readFileSync(referencePath('npz/savez.npz'));
const safetensors = readFileSync(referencePath('safetensors/network.safetensors'));
const pyTorch = readFileSync(referencePath('safetensors/state.pt'));

/** The beginning of a zip archive whose first entry has this name. */
function zipOf(name: string): Buffer {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), Buffer.alloc(200)]);
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const padded = (text: string) => Buffer.concat([latin1(text), Buffer.alloc(300)]);

/** Content of each kind, and the words for it in messages. */
const examples: readonly (readonly [FileKind, content: Buffer, what: string, remedy: string])[] = [
  ['npz', npz, 'a zip archive, such as an .npz file', 'use load()'],
  ['safetensors', safetensors, 'a safetensors file', 'use loadSafetensors()'],
  ['npy', padded("\x93NUMPY\x01\x00v\x00{'descr': '<f4', "), '(.npy)', 'numpy.savez()'],
  ['idx', Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]), 'an IDX file', 'use readIdx()'],
  ['pytorchZip', pyTorch, 'a PyTorch file (.pt, .pth)', 'use loadSafetensors()'],
  ['pytorchZip', zipOf('archive/data.pkl'), 'a PyTorch file (.pt, .pth)', 'save_file()'],
  [
    'pytorchPickle',
    padded('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M'),
    'a PyTorch file',
    'save_file()',
  ],
  ['pickle', padded('\x80\x04\x95\x0b\x00'), 'a Python pickle', 'save_file()'],
  ['kerasZip', zipOf('metadata.json'), 'a Keras file (.keras)', 'numpy.savez()'],
  ['hdf5', padded('\x89HDF\r\n\x1a\n'), 'an HDF5 file, as Keras writes', 'numpy.savez()'],
  ['gguf', padded('GGUF\x03'), 'a GGUF file', 'safetensors'],
  [
    'lfs',
    latin1('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
    'a Git LFS pointer',
    'git lfs pull',
  ],
  [
    'html',
    latin1('\xef\xbb\xbf\n<!DOCTYPE html>\n<html lang="en">'),
    'an HTML page',
    'download the file itself',
  ],
  ['html', latin1('<!-- saved --> <HTML>'), 'an HTML page', 'download the file itself'],
  [
    'xml',
    latin1('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'),
    'an XML document',
    'download',
  ],
  ['gzip', gzipSync(npz), 'a gzip file', 'decompress it first'],
  ['bzip2', padded('BZh91AY&SY'), 'a bzip2 file', 'decompress it first'],
  ['xz', padded('\xfd7zXZ\0'), 'an xz file', 'decompress it first'],
  ['zstd', padded('\x28\xb5\x2f\xfd'), 'a Zstandard file', 'decompress it first'],
  [
    'tar',
    padded('network.safetensors'.padEnd(257, '\0') + 'ustar\x0000'),
    'a tar archive',
    'unpack it first',
  ],
  ['json', latin1(' {"type": "BatchNorm2D", "channels": 3}'), 'JSON', 'moduleFromJSON()'],
  ['json', latin1('[1, 2]'), 'JSON', 'moduleFromJSON()'],
  [
    'lfs',
    latin1('\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\noid sha256:4d7a\r\n'),
    'a Git LFS pointer',
    'git lfs pull',
  ],
  ['onnx', padded('\x08\x07\x12\x07pytorch\x1a\x052.0.0'), 'an ONNX model', 'importOnnx()'],
  ['onnx', padded('\x08\x0a:\xc6\x01\n'), 'an ONNX model', 'importOnnx()'],
  ['tflite', padded('\x1c\0\0\0TFL3'), 'a TensorFlow Lite model', 'numpy.savez()'],
  ['sevenZip', padded('7z\xbc\xaf\x27\x1c'), 'a 7z archive', 'unpack it first'],
  ['rar', padded('Rar!\x1a\x07\x01\0'), 'a RAR archive', 'unpack it first'],
  ['pdf', latin1('%PDF-1.7\n'), 'a PDF document', 'download'],
  ['sqlite', padded('SQLite format 3\0'), 'an SQLite database', 'export its values'],
  ['png', padded('\x89PNG\r\n\x1a\n'), 'a PNG picture', 'sharp'],
  ['jpeg', padded('\xff\xd8\xff\xe0'), 'a JPEG picture', 'sharp'],
  ['empty', Buffer.alloc(0), 'an empty file', 'download it again'],
];

describe('a file of the wrong kind', () => {
  const path = temporaryDirectory();

  const readers: readonly (readonly [
    name: string,
    own: readonly FileKind[],
    read: (file: string) => Promise<unknown>,
    wanted: string,
  ])[] = [
    ['load', ['npz'], (file) => new BatchNorm2D(3).load(file), 'Expected an .npz file'],
    [
      'loadSafetensors',
      ['safetensors'],
      (file) => loadSafetensors(file, new BatchNorm2D(3)),
      'Expected a safetensors file',
    ],
    [
      'loadCheckpoint',
      ['npz'],
      (file) => loadCheckpoint(file, { model: new BatchNorm2D(3), optimizer: new Sgd() }),
      'Expected an .npz file',
    ],
    ['readIdx', ['idx', 'gzip'], (file) => readIdx(file), 'Expected an IDX file'],
  ];
  for (const [name, own, read, wanted] of readers) {
    it(`makes ${name} name its kind and a remedy`, async () => {
      for (const [kind, content, what, remedy] of examples) {
        if (own.includes(kind)) continue;
        const file = path(`${kind}.bin`);
        writeFileSync(file, content);
        await expectRejection(
          read(file),
          FileFormatError,
          wanted,
          file,
          `but found ${kind === 'npy' ? '' : what}`,
          what,
          remedy,
        );
      }
    });

    it(`makes ${name} quote the first bytes if the kind is unknown`, async () => {
      const file = path('unknown.bin');
      writeFileSync(file, latin1('once upon a time'));
      await expectRejection(read(file), FileFormatError, wanted, 'the text "once upon a time"');
      writeFileSync(file, '\ufeff404: Not Found\n');
      await expectRejection(read(file), FileFormatError, wanted, 'the text "404: Not Found"');
      writeFileSync(file, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
      await expectRejection(read(file), FileFormatError, wanted, 'found the bytes 0102030405060708');
      await expectRejection(read(path()), FileFormatError, wanted, 'but found a directory');
      if (process.platform === 'linux') {
        await expectRejection(read('/dev/null'), FileFormatError, wanted, 'but found a device');
      }
    });
  }

  it('is recognized by its first bytes', () => {
    for (const [kind, content] of examples) expect(fileKind(content), kind).to.equal(kind);
    for (const other of ['hello', 'version 1', '<h1>', 'P', 'PK', '\0\0', '\0\0\x07\x01\0\0\0\0']) {
      expect(fileKind(latin1(other)), JSON.stringify(other)).to.equal(undefined);
    }
  });

  it('is recognized inside gzip by readIdx', async () => {
    writeFileSync(path('x.gz'), gzipSync(npz));
    await expectRejection(
      readIdx(path('x.gz')),
      FileFormatError,
      'Expected an IDX file',
      'a zip archive, such as an .npz file, compressed with gzip; decompress it and use load()',
    );
  });

  it('is recognized by readIdx as gzip inside gzip, to be decompressed twice', async () => {
    writeFileSync(path('twice.gz'), gzipSync(gzipSync(npz)));
    await expectRejection(readIdx(path('twice.gz')), FileFormatError, 'a gzip file', 'decompress it twice');
  });

  it('is recognized by the command line', () => {
    writeFileSync(path('network.bin'), pyTorch);
    const { code, errors } = batchnorm(['inspect', path('network.bin')]);
    expect(code).to.equal(1);
    expect(errors).to.include('found a PyTorch file (.pt, .pth)');
  });

  it('is reported as damaged if it is of the right kind', async () => {
    const cut = [
      ['npz', npz.subarray(0, 500), (file: string) => new BatchNorm2D(3).load(file), 'damage'],
      [
        'safetensors',
        safetensors.subarray(0, 100),
        (file: string) => loadSafetensors(file, new BatchNorm2D(3)),
        'a header of at most',
      ],
    ] as const;
    for (const [kind, bytes, read, message] of cut) {
      writeFileSync(path(kind), bytes);
      await expectRejection(read(path(kind)), FileFormatError, message);
    }
  });

  it('may be a folder that is named like a file', async () => {
    mkdirSync(path('net.npz'));
    await expectRejection(new BatchNorm2D(3).load(path('net.npz')), FileFormatError, 'a directory');
  });
});
