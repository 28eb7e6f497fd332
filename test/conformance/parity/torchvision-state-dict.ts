// The weights that reference/models/make.py computes by the same formulas.
import type { Header } from '../../unit/io/safetensors/encode.js';

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Numbers in [0, 1) that float32 can represent: a hash of the index. */
export function uniform(count: number, seed: number): Float32Array {
  const result = new Float32Array(count);
  const start = Math.imul(seed, 0x9e3779b9);
  for (let i = 0; i < count; i++) {
    let x = i + start;
    x = Math.imul(x ^ (x >>> 17), 0xed5ad4bb);
    x = Math.imul(x ^ (x >>> 11), 0xac4c1b51);
    x = Math.imul(x ^ (x >>> 15), 0x31848bab);
    result[i] = ((x ^ (x >>> 14)) >>> 8) / 2 ** 24;
  }
  return result;
}

function fill(name: string, shape: readonly number[], seed: number): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const random = uniform(count, seed);
  if (name.endsWith('running_var')) return random.map((value) => value + 0.5);
  if (name.endsWith('running_mean') || name.endsWith('bias')) return random.map((value) => value - 0.5);
  if (shape.length === 1) return random.map((value) => value + 0.5);
  const size = Math.sqrt(18 / (count / shape[0]));
  return random.map((value) => (value - 0.5) * size);
}

/** The header and the values of a safetensors file with the state dict, counters included. */
export function stateDict(shapes: Shapes): { header: Header; data: Buffer<ArrayBuffer> } {
  const header: Header = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  const add = (name: string, dtype: string, shape: readonly number[], values: ArrayBufferView) => {
    header[name] = { dtype, shape, data_offsets: [end, (end += values.byteLength)] };
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [seed, [name, shape]] of Object.entries(shapes).entries()) {
    add(name, 'F32', shape, fill(name, shape, seed));
    if (!name.endsWith('running_var')) continue;
    add(name.replace('running_var', 'num_batches_tracked'), 'I64', [], new BigInt64Array([1n]));
  }
  return { header, data: Buffer.concat(parts) };
}
