import { quote } from '../../validation/quote.js';
import { FileFormatError } from './file-format-error.js';

// Recognizes files by their first bytes, so that a reader that is given another kind of file can name it and
// the function to use instead.

/** A kind of file that its first bytes identify. */
export type FileKind = keyof typeof kinds;

interface Description {
  /** Continues "but found". */
  readonly what: string;
  /** The function that reads such a file, or how to convert it. */
  readonly remedy: string;
}

const pyTorch =
  "save its state dict with save_file() of Python's package safetensors and use loadSafetensors()";
const keras = 'save its weights with numpy.savez() and use load()';
const download = 'download the file itself';

const kinds = {
  npz: { what: 'a zip archive, such as an .npz file', remedy: 'use load()' },
  safetensors: { what: 'a safetensors file', remedy: 'use loadSafetensors()' },
  npy: { what: 'a single array (.npy)', remedy: 'save it with numpy.savez() and use load()' },
  idx: { what: 'an IDX file', remedy: 'use readIdx()' },
  pytorchZip: { what: 'a PyTorch file (.pt, .pth)', remedy: pyTorch },
  pytorchPickle: { what: 'a PyTorch file (.pt, .pth) of before version 1.6', remedy: pyTorch },
  pickle: { what: 'a Python pickle', remedy: pyTorch },
  kerasZip: { what: 'a Keras file (.keras)', remedy: keras },
  hdf5: { what: 'an HDF5 file, as Keras writes them', remedy: keras },
  gguf: { what: 'a GGUF file', remedy: 'convert it to safetensors' },
  lfs: { what: 'a Git LFS pointer in place of the file', remedy: 'run git lfs pull' },
  html: { what: 'an HTML page', remedy: `${download}, not the page that shows it` },
  xml: { what: 'an XML document, such as the error of a file server', remedy: download },
  gzip: { what: 'a gzip file', remedy: 'decompress it first' },
  bzip2: { what: 'a bzip2 file', remedy: 'decompress it first' },
  xz: { what: 'an xz file', remedy: 'decompress it first' },
  zstd: { what: 'a Zstandard file', remedy: 'decompress it first' },
  tar: { what: 'a tar archive', remedy: 'unpack it first' },
  json: { what: 'JSON', remedy: 'use moduleFromJSON() if toJSON() wrote it' },
  png: { what: 'a PNG picture', remedy: 'decode it, for example with sharp' },
  jpeg: { what: 'a JPEG picture', remedy: 'decode it, for example with sharp' },
  onnx: { what: 'an ONNX model', remedy: 'use importOnnx() of batchnorm/onnx' },
  tflite: { what: 'a TensorFlow Lite model', remedy: keras },
  sevenZip: { what: 'a 7z archive', remedy: 'unpack it first' },
  rar: { what: 'a RAR archive', remedy: 'unpack it first' },
  pdf: { what: 'a PDF document', remedy: download },
  sqlite: { what: 'an SQLite database', remedy: 'export its values first' },
  empty: { what: 'an empty file', remedy: 'save or download it again' },
} as const satisfies Record<string, Description>;

/** The number of bytes at the start of a file that are enough to recognize every kind. */
export const headBytes = 4096;

const ascii = (text: string) => (head: Buffer) => head.toString('latin1', 0, text.length) === text;
const text = (pattern: RegExp) => (head: Buffer) => pattern.test(head.toString('latin1'));

/** The first test that holds decides. */
const tests: readonly (readonly [FileKind, (head: Buffer) => boolean])[] = [
  ['empty', (head) => head.length === 0],
  // PyTorch and Keras begin with these entries; the name follows the 30 bytes of a zip entry's header.
  ['pytorchZip', text(/^PK\x03\x04[^]{26}[^]*?\/(?:data\.pkl|version|\.format_version|byteorder)/)],
  ['kerasZip', text(/^PK\x03\x04[^]{26}(?:metadata\.json|config\.json|model\.weights\.h5)/)],
  ['npz', text(/^PK(?:\x03\x04|\x05\x06)/)],
  ['npy', ascii('\x93NUMPY')],
  ['safetensors', isSafetensors],
  ['idx', isIdx],
  // The magic number of torch.save() before version 1.6, pickled.
  ['pytorchPickle', text(/^\x80[\x02-\x05](?:\x95[^]{8})?\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19\./)],
  ['pickle', (head) => head.length > 2 && head[0] === 0x80 && head[1] >= 2 && head[1] <= 5],
  ['hdf5', ascii('\x89HDF\r\n\x1a\n')],
  ['gguf', ascii('GGUF')],
  ['lfs', text(/^(?:\xef\xbb\xbf)?\s*version https:\/\/git-lfs\.github\.com\/spec\//)],
  ['html', text(/^(?:\xef\xbb\xbf)?\s*(?:<!--[^]*?-->\s*)*<(?:!doctype html|html|head|body)\b/i)],
  ['xml', text(/^(?:\xef\xbb\xbf)?\s*<\?xml\b/i)],
  ['gzip', ascii('\x1f\x8b')],
  ['bzip2', ascii('BZh')],
  ['xz', ascii('\xfd7zXZ\0')],
  ['zstd', ascii('\x28\xb5\x2f\xfd')],
  ['tar', (head) => head.toString('latin1', 257, 262) === 'ustar'],
  ['png', ascii('\x89PNG\r\n\x1a\n')],
  ['jpeg', ascii('\xff\xd8\xff')],
  ['sevenZip', ascii('7z\xbc\xaf\x27\x1c')],
  ['rar', ascii('Rar!\x1a\x07')],
  ['pdf', text(/^(?:\xef\xbb\xbf)?\s*%PDF-/)],
  ['sqlite', ascii('SQLite format 3\0')],
  ['tflite', (head) => head.toString('latin1', 4, 8) === 'TFL3'],
  // Protocol buffers have no signature: match the field of the format's version, followed by the producer's
  // name or the graph.
  ['onnx', text(/^\x08[\x01-\x1f](?:\x12[\x01-\x7f][\x20-\x7e]|\x3a)/)],
  ['json', text(/^(?:\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[)/)],
];

/** The kind of a file that begins with these bytes; undefined if it is unknown. */
export function fileKind(head: Buffer): FileKind | undefined {
  return tests.find(([, holds]) => holds(head))?.[0];
}

/**
 * The error for a file that is not of the kind that a reader expects.
 * @param own The expected kind: a file that begins like it is damaged.
 * @param wanted Continues "Expected", such as `a safetensors file`.
 */
export function wrongKind(
  file: string,
  own: FileKind,
  wanted: string,
  head: Buffer,
  { damage = beginning(head), gzipped = false, ...options }: WrongKindOptions = {},
): FileFormatError {
  const kind = fileKind(head);
  const found = kind === undefined || kind === own ? damage : descriptionOf(kind, gzipped);
  return new FileFormatError(file, wanted, found, undefined, options);
}

interface WrongKindOptions extends ErrorOptions {
  /** The problem to report if the file is of the expected kind or of an unknown one. */
  readonly damage?: string | undefined;
  /** Whether the bytes are the contents of a gzip file, which only readIdx() decompresses. */
  readonly gzipped?: boolean;
}

function descriptionOf(kind: FileKind, gzipped: boolean): string {
  const { what, remedy } = kinds[kind];
  if (!gzipped) return `${what}; ${remedy}`;
  return `${what}, compressed with gzip; decompress it${remedy.startsWith('decompress') ? ' twice' : ` and ${remedy}`}`;
}

/**
 * The beginning of a file of an unknown kind: a server's message, such as `404: Not Found`, is worth showing.
 */
function beginning(head: Buffer): string {
  const bytes = `the bytes ${head.toString('hex', 0, 8)}`;
  const start = head
    .toString('utf8', 0, 60)
    .replace(/^\ufeff/, '')
    .trim();
  const isText = start.length >= 8 && !/[\ufffd\0-\x08\x0e-\x1f]/.test(start.slice(0, 40));
  return isText ? `${bytes}, the text ${quote(start, 43)}` : bytes;
}

/**
 * A header length of at most the 100 MB that the format allows, followed by the brace that begins the header.
 */
function isSafetensors(head: Buffer): boolean {
  return head.length >= 10 && head.readBigUInt64LE() <= 100_000_000n && head[8] === 0x7b;
}

/** Two zero bytes, a type, and a plausible number of axes. */
function isIdx(head: Buffer): boolean {
  const types = [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e];
  return (
    head.length >= 8 &&
    head[0] === 0 &&
    head[1] === 0 &&
    types.includes(head[2]) &&
    head[3] >= 1 &&
    head[3] <= 8
  );
}
