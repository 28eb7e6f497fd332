import {
  type Batch,
  batchSamples,
  DataLoader,
  type IdxArray,
  readIdx,
  type Sample,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { check, type Equal } from './equal.js';

declare const bytes: Uint8Array;
declare const classes: Int32Array;
declare const floats: Float32Array;
declare const n: number;

// The batch size is known if every batch is full.
const full = new DataLoader(
  { features: bytes, shape: [1, 28, 28], labels: classes },
  { batchSize: 64, dropLast: true },
);
for (const batch of full) {
  check<Equal<typeof batch.x, Tensor4D<64, 1, 28, 28>>>();
  check<Equal<typeof batch.labels, Int32Array>>();
}
const rest = new DataLoader({ features: floats, shape: [4] }, { batchSize: 64 });
for (const batch of rest) {
  check<Equal<typeof batch.x, Tensor2D<number, 4>>>();
  check<Equal<typeof batch.labels, undefined>>();
}
const unknown = new DataLoader({ features: floats, shape: [n] }, { batchSize: n, dropLast: true });
for (const batch of unknown) check<Equal<typeof batch.x, Tensor2D<number, number>>>();
const targets = new DataLoader(
  { features: floats, shape: [4], labels: floats, labelShape: [2] },
  { batchSize: 8, dropLast: true },
);
for (const batch of targets) check<Equal<typeof batch.labels, Tensor2D<8, 2>>>();

// Arrays of every type; classes are yielded as bytes or 32-bit integers.
declare const shorts: Int16Array;
declare const doubles: Float64Array;
declare const longs: BigInt64Array;
const converted = { features: shorts, shape: [4] } as const;
for (const batch of new DataLoader({ ...converted, labels: [0, 1] }, { batchSize: 2 })) {
  check<Equal<typeof batch.labels, Int32Array>>();
}
for (const batch of new DataLoader({ ...converted, labels: longs }, { batchSize: 2 })) {
  check<Equal<typeof batch.labels, Int32Array>>();
}
for (const batch of new DataLoader({ ...converted, labels: bytes }, { batchSize: 2 })) {
  check<Equal<typeof batch.labels, Uint8Array>>();
}
for (const batch of new DataLoader(
  { features: doubles, shape: [4], labels: [0.5, 1.5], labelShape: [] },
  { batchSize: 2, dropLast: true },
)) {
  check<Equal<typeof batch.labels, Tensor1D<2>>>();
}
// @ts-expect-error: 64-bit integers are labels, not features
new DataLoader({ features: longs, shape: [4] }, { batchSize: 2 });

// @ts-expect-error: no batch size
new DataLoader({ features: floats, shape: [4] }, {});
// @ts-expect-error: not a typed array
new DataLoader({ features: [1, 2], shape: [2] }, { batchSize: 1 });
// @ts-expect-error: misspelt
new DataLoader({ features: floats, shape: [4] }, { batchSize: 1, droplast: true });

// Streams.
declare const samples: AsyncIterable<Sample>;
declare const regression: Iterable<Sample<readonly number[]>>;
async function streams() {
  for await (const batch of batchSamples(samples, { shape: [3, 8, 8], batchSize: 4 })) {
    check<Equal<typeof batch.x, Tensor4D<number, 3, 8, 8>>>();
    check<Equal<typeof batch.labels, Int32Array>>();
  }
  const options = { shape: [3], batchSize: 4, dropLast: true, labelShape: [] } as const;
  for await (const batch of batchSamples(regression, options)) {
    check<Equal<typeof batch.x, Tensor2D<4, 3>>>();
    check<Equal<typeof batch.labels, Tensor1D<4>>>();
  }
  // @ts-expect-error: labels that are not classes
  batchSamples(regression, { shape: [3], batchSize: 4 });
}

// Files.
async function files() {
  check<Equal<Awaited<ReturnType<typeof bytesOf>>, IdxArray>>();
  const { values } = await readIdx('x', { type: 'float32' });
  check<Equal<typeof values, Float32Array>>();
  // @ts-expect-error: no such type
  await readIdx('x', { type: 'uint16' });
}
const bytesOf = () => readIdx('x', { axes: 3 });
const anyBatch: Batch<unknown, unknown> = [...full][0];
export { anyBatch, files, streams };
