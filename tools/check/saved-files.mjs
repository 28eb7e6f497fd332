// Reads files that this package saves with numpy and PyTorch. Needs Debian's python3-numpy and python3-torch.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchNorm2D, Flatten2D, Linear, ReLU, saveSafetensors, Sequential, Tensor } from 'batchnorm';
import { run } from '../process.mjs';

const python = '/usr/bin/python3';
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const wave = (n, phase) => Float32Array.from({ length: n }, (_, i) => Math.sin(phase + i));

const net = new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(12, 5));
for (const [i, [, tensor]] of net.parameters().entries()) {
  tensor.data.set(wave(tensor.data.length, i));
}
net.layers[0].runningVar.data.set([0.5, 1, 2]);

await net.save(join(folder, 'net.npz'));
const entries = {
  '0.scale': net.layers[0].scale,
  '0.bias': net.layers[0].bias,
  '0.running_mean': net.layers[0].runningMean,
  '0.running_var': net.layers[0].runningVar,
  '3.weight': net.layers[3].weight,
  '3.bias': net.layers[3].bias,
};
const expected = Object.entries(entries).map(([name, tensor]) => [name, tensor.array()]);
writeFileSync(join(folder, 'net.json'), JSON.stringify(Object.fromEntries(expected)));
const compare = `
import json, sys, numpy
saved, expected = numpy.load(sys.argv[1]), json.load(open(sys.argv[2]))
for name, values in expected.items():
    assert saved[name].dtype == numpy.float32, name
    assert (saved[name] == numpy.array(values, numpy.float32)).all(), name
assert saved["0.epsilon"] == 1e-5 and saved["0.momentum"] == 0.1
print("numpy reads", ", ".join(saved.files))`;
run(python, ['-c', compare, join(folder, 'net.npz'), join(folder, 'net.json')]);

await saveSafetensors(join(folder, 'net.safetensors'), net);
const x = wave(24, 0.5);
const y = net.forward(Tensor.from(x, [2, 3, 2, 2])).data;
writeFileSync(join(folder, 'net.json'), JSON.stringify({ x: [...x], y: [...y] }));
run(python, ['test/conformance/reference/safetensors/make.py', '--verify', join(folder, 'net.safetensors')]);
rmSync(folder, { recursive: true });
