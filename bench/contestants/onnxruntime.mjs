// onnxruntime-node: a model of one BatchNormalization node, inference only.
import { createRequire } from 'node:module';
import { serve } from './serve.mjs';

const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');

// The messages of onnx.proto that the model needs, in protobuf's wire format.
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const integer = (field, n) => [...varint(field * 8), ...varint(n)];
const bytes = (field, content) => [...varint(field * 8 + 2), ...varint(content.length), ...content];
const text = (field, value) => bytes(field, [...Buffer.from(value)]);
const tensorType = (dims) =>
  bytes(
    2,
    bytes(1, [
      ...integer(1, 1),
      ...bytes(
        2,
        dims.flatMap((d) => bytes(1, integer(1, d))),
      ),
    ]),
  );
const valueInfo = (field, name, dims) => bytes(field, [...text(1, name), ...tensorType(dims)]);

function model(dims) {
  const vectors = ['scale', 'bias', 'mean', 'variance'];
  const node = [
    ...['x', ...vectors].flatMap((name) => text(1, name)),
    ...text(2, 'y'),
    ...text(4, 'BatchNormalization'),
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, 'batch normalization'),
    ...valueInfo(11, 'x', dims),
    ...vectors.flatMap((name) => valueInfo(11, name, [dims[1]])),
    ...valueInfo(12, 'y', dims),
  ];
  return Uint8Array.from([...integer(1, 8), ...bytes(7, graph), ...bytes(8, integer(2, 15))]);
}

await serve(async ({ images, channels, rows, columns }, threads) => {
  const dims = [images, channels, rows, columns];
  const n = images * channels * rows * columns;
  const session = await InferenceSession.create(model(dims), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const vector = (value) => new Tensor('float32', new Float32Array(channels).fill(value), [channels]);
  const feeds = {
    x: new Tensor(
      'float32',
      Float32Array.from({ length: n }, (_, i) => Math.sin(i)),
      dims,
    ),
    scale: vector(1.5),
    bias: vector(0.5),
    mean: vector(0.1),
    variance: vector(2),
  };
  // Into an existing tensor, so that no new pages are faulted in.
  const fetches = { y: new Tensor('float32', new Float32Array(n), dims) };
  return { inference: () => session.run(feeds, fetches) };
});
