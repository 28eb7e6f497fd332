// Saves and loads 30 MB while memory is nearly exhausted, with more of it left in each attempt. Prints how each
// attempt ended and whether the process still computes.
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import {
  Linear,
  loadCheckpoint,
  loadSafetensors,
  readIdx,
  saveCheckpoint,
  saveSafetensors,
  Sgd,
  storagePool,
  Tensor,
} from 'batchnorm';

/** How one attempt ended. */
export interface Attempt {
  readonly name: string;
  /** Megabytes that were released before. */
  readonly left: number;
  readonly outcome: 'done' | 'refused';
  /** Class, code and message of the error. */
  readonly code?: string;
  readonly message?: string;
  /** Whether the layer is unchanged or completely loaded. */
  readonly consistent: boolean;
  /** Whether an operation afterwards gives the right result. */
  readonly computes: boolean;
}

const [folder, operation, megabytes] = process.argv.slice(2);
/** Values in float32. */
const megabyte = 262_144;
const inputs = 2500;
const outputs = 3000;
const path = (name: string) => `${folder}/${name}`;

/** 30 MB: a layer, filled with one number. */
const layer = new Linear(inputs, outputs);
const optimizer = new Sgd({ momentum: 0.9 });
const training = { model: layer, optimizer, progress: { epoch: 1 } };

const operations: Readonly<Record<string, () => Promise<unknown>>> = {
  'save .npz': () => layer.save(path('saved.npz')),
  'save safetensors': () => saveSafetensors(path('saved.safetensors'), layer),
  'save a checkpoint': () => saveCheckpoint(path('saved-checkpoint.npz'), training),
  'load .npz': () => layer.load(path('stored.npz')),
  'load deflated .npz': () => layer.load(path('deflated.npz')),
  'load safetensors': () => loadSafetensors(path('layer.safetensors'), layer),
  'load a checkpoint': () => loadCheckpoint(path('checkpoint.npz'), training),
  'read IDX': () => readIdx(path('plain.idx')),
  'read gzipped IDX': () => readIdx(path('gzipped.idx')),
};

if (operation === 'prepare') {
  await prepare();
} else {
  await attempt(operation, Number(megabytes));
}

/** Files whose weights are all ones. */
async function prepare(): Promise<void> {
  layer.weight.data.fill(1);
  layer.bias.data.fill(1);
  await layer.save(path('stored.npz'));
  await saveSafetensors(path('layer.safetensors'), layer);
  await saveCheckpoint(path('checkpoint.npz'), training);
  const idx = Buffer.alloc(8 + 30_000_000);
  idx.writeUInt32BE(0x0801);
  idx.writeUInt32BE(30_000_000, 4);
  writeFileSync(path('plain.idx'), idx);
  writeFileSync(path('gzipped.idx'), gzipSync(idx));
}

async function attempt(name: string, left: number): Promise<void> {
  layer.weight.data.fill(2);
  layer.bias.data.fill(2);
  // One allocation, so that its release leaves one contiguous range of addresses for a large array.
  let reserve: Float32Array | undefined = new Float32Array(left * megabyte);
  const ballast: Tensor<readonly [number]>[] = [];
  try {
    for (;;) ballast.push(Tensor.zeros([megabyte]));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (reserve.length !== left * megabyte) throw new Error('The reserve must live until here');
  reserve = undefined;
  storagePool.clear();
  let error: Error | undefined;
  try {
    await operations[name]();
  } catch (caught) {
    error = caught as Error;
  }
  const loaded = name.startsWith('load') && error === undefined ? 1 : 2;
  const consistent = [layer.weight, layer.bias].every(({ data }) => data.every((v) => v === loaded));
  for (const tensor of ballast.splice(0)) tensor.dispose();
  storagePool.clear();
  const outcome = error === undefined ? 'done' : 'refused';
  const failure = error && {
    code: `${error.constructor.name} ${String((error as NodeJS.ErrnoException).code)}`,
    message: error.message,
  };
  const computes = Tensor.ones([1000]).exp().sum().item().toFixed(0) === (1000 * Math.E).toFixed(0);
  const result: Attempt = { name, left, outcome, ...failure, consistent, computes };
  console.log(JSON.stringify(result));
}
