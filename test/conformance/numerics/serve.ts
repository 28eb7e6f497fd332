// Serves a backend of this package as a separate process: reads a line per case, computes the case in the named file,
// writes the results beside it and answers with a line. `bench/numerics/pytorch.py` uses the same protocol.
import { createInterface } from 'node:readline';
import { backend } from 'batchnorm';
import type { Layout } from '../../support/float64.js';
import { readArrays, writeArrays } from './arrays.js';
import type { Case, Result } from './case.js';
import { ours } from './implementations.js';

/** A request, one JSON line. */
export interface Request {
  readonly file: string;
  readonly layout: Layout;
  readonly epsilon: number;
}

/** x, dy, scale and bias, concatenated. */
export function writeCase(file: string, { x, dy, scale, bias }: Case): void {
  writeArrays(file, [x, dy, scale, bias]);
}

function readCase({ file, layout, epsilon }: Request): Case {
  const n = layout.images * layout.channels * layout.plane;
  const [x, dy, scale, bias] = readArrays(file, [n, n, layout.channels, layout.channels]);
  return { name: file, layout, x, dy, scale, bias, epsilon };
}

const resultFile = (file: string) => `${file}.result`;

/** y, dx, the mean as two floats, variance, dscale and dbias. */
export function readResult({ file, layout }: Request): Result {
  const { channels } = layout;
  const n = layout.images * channels * layout.plane;
  const lengths = [n, n, channels, channels, channels, channels, channels];
  const [y, dx, high, low, variance, dscale, dbias] = readArrays(resultFile(file), lengths);
  return {
    y,
    dx,
    mean: Float64Array.from(high, (value, c) => value + low[c]),
    variance: Float64Array.from(variance),
    dscale,
    dbias,
  };
}

function writeResult(file: string, { y, dx, mean, variance, dscale, dbias }: Result): void {
  const high = Float32Array.from(mean);
  const low = Float32Array.from(mean, (value, c) => value - high[c]);
  writeArrays(resultFile(file), [y, dx, high, low, Float32Array.from(variance), dscale, dbias]);
}

if (process.argv[2] === 'serve') {
  console.log(`${backend.name}, ${backend.isa}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    writeResult(request.file, ours(readCase(request)));
    console.log('done');
  }
}
