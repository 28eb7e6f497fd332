// The programs that every environment runs: they train on the native backend, save, load and check the results.

const names =
  'backend, backward, BatchNorm2D, DataLoader, loadSafetensors, readIdx, saveSafetensors, Sgd, Tensor';

/** `async function exercise()`, which throws on a wrong result and prints `exercised` at its end. */
const exercise = `
async function exercise() {
  if (backend.name !== (process.env.EXPECTED_BACKEND || 'native')) throw new Error(backend.name + ': ' + backend.reason);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'batchnorm-'));
  try {
    const bn = new BatchNorm2D(1);
    const y = bn.forwardMut(Tensor.from(new Float32Array([1, 2, 3, 4]), [2, 1, 1, 2]).trace());
    const shown = Array.from(y.data, (value) => Math.round(value * 1e4) / 1e4).join();
    if (shown !== '-1.3416,-0.4472,0.4472,1.3416') throw new Error('computed ' + shown);
    const cloned = Tensor.adopt(structuredClone(new Float32Array([1, 5])), [1, 1, 1, 2]);
    new Sgd({ lr: 0.1 }).update(bn, backward(bn.forwardMut(cloned.trace()).exp().mean()));
    if (bn.scale.data[0] >= 1) throw new Error('the scale is ' + bn.scale.data[0]);

    const loader = new DataLoader(
      { features: structuredClone(new Uint8Array(8)), shape: [1, 1, 2], labels: structuredClone(new Int32Array(4)) },
      { batchSize: 2 },
    );
    for (const { x } of loader) {
      if (x.shape.join() !== '2,1,1,2') throw new Error('a batch of ' + x.shape);
    }

    const file = path.join(folder, 'network.npz');
    await bn.save(file);
    const other = new BatchNorm2D(1);
    await other.load(url.pathToFileURL(file));
    if (other.scale.data[0] !== bn.scale.data[0]) throw new Error('loaded ' + other.scale.data[0]);
    const tensors = path.join(folder, 'network.safetensors');
    await saveSafetensors(tensors, bn);
    const third = new BatchNorm2D(1);
    await loadSafetensors(tensors, third);
    if (third.scale.data[0] !== bn.scale.data[0]) throw new Error('loaded ' + third.scale.data[0]);
    const left = fs.readdirSync(folder).sort().join();
    if (left !== 'network.npz,network.safetensors') throw new Error('left ' + left);
    const idx = Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);
    for (const bytes of [idx, zlib.gzipSync(idx)]) {
      fs.writeFileSync(path.join(folder, 'labels'), bytes);
      const { values } = await readIdx(path.join(folder, 'labels'));
      if (values.join() !== '7,9') throw new Error('read ' + values);
    }
    const error = await other.load(path.join(folder, 'missing.npz')).catch((error) => error);
    if (error.code !== 'ENOENT') throw error;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
  console.log('exercised');
}
`;

const builtins = ['fs', 'os', 'path', 'url', 'zlib'];

export const esm = `import { ${names} } from 'batchnorm';
import { batchNormInference } from 'batchnorm/raw';
${builtins.map((name) => `import * as ${name} from 'node:${name}';\n`).join('')}
if (typeof batchNormInference !== 'function') throw new Error('batchnorm/raw has no kernels');
${exercise}`;

export const commonJs = `const { ${names} } = require('batchnorm');
const { batchNormInference } = require('batchnorm/raw');
${builtins.map((name) => `const ${name} = require('node:${name}');\n`).join('')}
if (typeof batchNormInference !== 'function') throw new Error('batchnorm/raw has no kernels');
${exercise}`;
