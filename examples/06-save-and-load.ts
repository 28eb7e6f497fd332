// Files: .npz for numpy and dfdx, safetensors for PyTorch, JSON for everything else.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchNorm2D,
  FileFormatError,
  Flatten2D,
  Linear,
  loadSafetensors,
  moduleFromJSON,
  saveSafetensors,
  Sequential,
} from 'batchnorm';

const directory = await mkdtemp(join(tmpdir(), 'batchnorm-'));
const make = () => new Sequential(new BatchNorm2D(3), new Flatten2D(), new Linear(12, 2));
const net = make();
net.layers[0].bias.data.set([1, 2, 3]);

// Saves are atomic: an existing file is replaced only by a complete one.
await net.save(join(directory, 'net.npz'));
const loaded = make();
await loaded.load(join(directory, 'net.npz'));
console.log(loaded.layers[0].bias.array()); // [ 1, 2, 3 ]

// Entries have PyTorch's names for a Sequential: 0.weight, 0.bias, 0.running_mean ...
await saveSafetensors(join(directory, 'net.safetensors'), net);
await loadSafetensors(join(directory, 'net.safetensors'), make());

// Loading changes everything or nothing.
try {
  await new BatchNorm2D(4).load(join(directory, 'net.npz'));
} catch (error) {
  const { message } = error as FileFormatError;
  console.log(message.replace(directory, '')); // Expected one entry of this name in "scale.npy" of /net.npz but found none
}

const copy = moduleFromJSON(JSON.parse(JSON.stringify(net))) as typeof net;
console.log(copy.layers[0].bias.array()); // [ 1, 2, 3 ]
await rm(directory, { recursive: true });
