// Checks an installed package on any JavaScript runtime: the native backend loads, or the one that BATCHNORM_BACKEND names, agrees with a float64
// reference on several threads, trains, saves, loads and refuses invalid calls. Prints the backend.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backend,
  backward,
  BatchNorm2D,
  Linear,
  loadCheckpoint,
  loadSafetensors,
  saveCheckpoint,
  saveSafetensors,
  Sgd,
  Tensor,
} from 'batchnorm';
import { batchNormTraining } from 'batchnorm/raw';

assert.equal(backend.name, process.env.BATCHNORM_BACKEND ?? 'native', backend.reason);

// 16 images, 6 channels, 64 x 64: enough for every thread.
const [images, channels, plane] = [16, 6, 64 * 64];
const values = Float32Array.from({ length: images * channels * plane }, (_, i) => Math.sin(i) + 3);
const bn = new BatchNorm2D(channels);
const y = bn.forwardMut(Tensor.from(values, [images, channels, 64, 64]).trace()).data;
for (let channel = 0; channel < channels; channel++) {
  const indices = Array.from({ length: images * plane }, (_, i) => {
    const image = Math.floor(i / plane);
    return (image * channels + channel) * plane + (i % plane);
  });
  const n = indices.length;
  const mean = indices.reduce((sum, i) => sum + values[i], 0) / n;
  const variance = indices.reduce((sum, i) => sum + (values[i] - mean) ** 2, 0) / n;
  for (const i of indices) {
    const expected = (values[i] - mean) / Math.sqrt(variance + 1e-5);
    assert.ok(Math.abs(y[i] - expected) < 1e-5, `y[${i}] is ${y[i]}, not ${expected}`);
  }
  assert.ok(Math.abs(bn.runningMean.data[channel] - 0.1 * mean) < 1e-6);
}

// The loss must decrease.
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const linear = new Linear(8, 4);
linear.resetParams(random);
const x = Tensor.randn([32, 8], { rng: random });
const sgd = new Sgd({ lr: 0.05 });
const losses = [];
for (let step = 0; step < 20; step++) {
  const loss = linear.forward(x.trace()).square().mean();
  losses.push(loss.item());
  sgd.update(linear, backward(loss));
}
assert.ok(losses.at(-1) < 0.9 * losses[0], `the loss went from ${losses[0]} to ${losses.at(-1)}`);

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const formats = {
  npz: [(file, net) => net.save(file), (file, net) => net.load(file)],
  safetensors: [saveSafetensors, loadSafetensors],
  checkpoint: [
    (file, net) => saveCheckpoint(file, { model: net, optimizer: sgd }),
    (file, net) => loadCheckpoint(file, { model: net, optimizer: new Sgd({ lr: 1 }) }),
  ],
};
for (const [name, [save, load]] of Object.entries(formats)) {
  const file = join(folder, name);
  for (let time = 0; time < 2; time++) await save(file, linear); // a new file, then over an old one
  const loaded = new Linear(8, 4);
  await load(file, loaded);
  assert.deepEqual(loaded.weight.array(), linear.weight.array(), name);
}
assert.deepEqual(readdirSync(folder).sort(), Object.keys(formats).sort());
const content = new Linear(8, 4);
await content.load(new Blob([readFileSync(join(folder, 'npz'))]));
assert.deepEqual(content.weight.array(), linear.weight.array(), 'the content of a file');
rmSync(folder, { recursive: true });

assert.throws(() => bn.forward(Tensor.zeros([2, 5, 2, 2])), RangeError);
assert.throws(() => batchNormTraining('x'), TypeError);
assert.equal(createRequire(import.meta.url)('batchnorm').backend, backend);

const { name, isa, threads } = backend;
console.log(`${process.platform}-${process.arch}, ${process.version}: ${name} ${isa}, ${threads} threads`);
