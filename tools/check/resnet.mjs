// npm run check -- resnet [FOLDER]: compares ResNet-8 with PyTorch, which must be installed to compute the references
// with test/conformance/reference/resnet/make.py, or with references in FOLDER from an earlier run. Prints the largest
// differences; exits with 1 if one is too large:
//
// - loss and gradients at each of twenty sets of weights along PyTorch's training: 1e-5 relative to PyTorch's loss and to
//   the largest absolute value of the gradient in float64, with the same ReLU masks (make.py explains why); values whose
//   masks differ in float64 are within 1e-5 of zero;
// - the losses of a training run of a hundred steps from PyTorch's weights: 1e-4, or twice the difference between PyTorch's
//   float32 and float64 training runs, each as the largest difference of the curve, since the step in which a ReLU mask
//   first differs is random.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resnet8 } from '../../bench/resnet/network.mjs';
import {
  backend,
  backward,
  crossEntropyWithLogitsLoss,
  GeneralizedResidual,
  loadSafetensors,
  ReLU,
  Residual,
  Sgd,
  Tensor,
} from '../../dist/index.js';
import { run } from '../process.mjs';

const maxGradientError = 1e-5;
const maxKinkDistance = 1e-5;
const maxLossError = 1e-4;
const make = ['test/conformance/reference/resnet/make.py'];

const folder = process.argv[2] ?? madeByPyTorch();
const expected = JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8'));
const batches = await readBatches();

for (const { step } of expected.points) await writeMasks(step);
run('/usr/bin/python3', [...make, folder, '--masks']);
const masked = JSON.parse(readFileSync(join(folder, 'masked.json'), 'utf8'));

console.log(`${backend.name}, ${backend.isa}; PyTorch ${expected.torch}`);
const gradientsPassed = await compareGradients();
const lossesPassed = await compareLosses();
process.exitCode = gradientsPassed && lossesPassed ? 0 : 1;

function madeByPyTorch() {
  const made = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  process.on('exit', () => rmSync(made, { recursive: true }));
  run('/usr/bin/python3', [...make, made]);
  return made;
}

async function load(name, module) {
  await loadSafetensors(join(folder, `${name}.safetensors`), module);
}

async function readBatches() {
  const batches = Array.from({ length: expected.batches }, () => ({
    x: Tensor.zeros([expected.batch, 3, 32, 32]),
    classes: Tensor.zeros([expected.batch]),
  }));
  await load('batches', {
    parameters: () =>
      batches.flatMap(({ x, classes }, i) => [
        [`x${i}`, x],
        [`classes${i}`, classes],
      ]),
  });
  return batches.map(({ x, classes }) => ({ x, classes: Int32Array.from(classes.data) }));
}

function lossOf(net, step) {
  const { x, classes } = batches[step % batches.length];
  return crossEntropyWithLogitsLoss(net.forwardMut(x.trace()), classes);
}

/** The tensors with gradients: all except running statistics. */
function trainable(net) {
  return net.parameters().filter(([name]) => !/\.running(Mean|Var)$/.test(name));
}

async function readGradients(name) {
  const net = resnet8();
  await load(name, { parameters: () => trainable(net) });
  return trainable(net).map(([, tensor]) => tensor.data);
}

/** The masks of all ReLUs of the network, in order. */
async function writeMasks(step) {
  const net = resnet8();
  await load(`weights-${step}`, net);
  const masks = [];
  const note = (value) => {
    masks.push(Uint8Array.from(value.data, (each) => Number(each > 0)));
    return value;
  };
  // Layer by layer, since a composition fuses batch norm, sum and ReLU; the bits are the same.
  const through = (layers, x) =>
    layers.reduce((value, layer) => {
      if (layer instanceof ReLU) return note(layer.forward(value));
      if (layer instanceof Residual) return through(layer.f.layers, value).add(value);
      if (layer instanceof GeneralizedResidual) {
        return through(layer.f.layers, value).add(through(layer.r.layers, value));
      }
      return layer.forwardMut === undefined ? layer.forward(value) : layer.forwardMut(value);
    }, x);
  through(net.layers, batches[step % batches.length].x.trace());
  writeFileSync(join(folder, `masks-${step}`), Buffer.concat(masks));
}

async function compareGradients() {
  const net = resnet8();
  const names = trainable(net).map(([name]) => name);
  const worst = { value: 0, where: 'nowhere' };
  const ownKinks = { ours: 0, PyTorch: 0 };
  let over = 0;
  const note = (found, where) => {
    if (!(found <= maxGradientError)) over++;
    // NaN counts as the largest difference.
    if (found <= worst.value || Number.isNaN(worst.value)) return;
    Object.assign(worst, { value: found, where });
  };
  for (const [i, { step }] of expected.points.entries()) {
    await load(`weights-${step}`, net);
    const loss = lossOf(net, step);
    const gradients = backward(loss);
    const ours = trainable(net).map(([, tensor]) => gradients.get(tensor).data);
    note(difference([loss.item()], [masked[i].loss]), `the loss before step ${step}`);
    const exact = await readGradients(`masked-${step}`);
    for (const [j, name] of names.entries()) {
      note(difference(ours[j], exact[j]), `${name} before step ${step}`);
    }
    const unmasked = await readGradients(`gradients-${step}`);
    const float32 = await readGradients(`float32-${step}`);
    for (const j of names.keys()) {
      ownKinks.ours = Math.max(ownKinks.ours, difference(ours[j], unmasked[j]));
      ownKinks.PyTorch = Math.max(ownKinks.PyTorch, difference(float32[j], unmasked[j]));
    }
  }
  const flipped = masked.reduce((sum, each) => sum + each.flipped, 0);
  const farthest = Math.max(...masked.map((each) => each.farthest));
  console.log(
    `${expected.points.length} sets of weights, the loss and ${names.length} gradients of each: at most ${short(worst.value)} from float64 (${worst.where}), ${over} more than ${short(maxGradientError)}`,
  );
  console.log(
    `  different ReLU masks in float64: ${flipped} values in total, at most ${short(farthest)} from zero; with these masks, gradients are up to ${short(ownKinks.ours)} from float64, those of PyTorch's float32 ${short(ownKinks.PyTorch)}`,
  );
  return over === 0 && farthest <= maxKinkDistance;
}

/** The largest difference relative to the largest absolute value. */
function difference(values, exact) {
  let largestDifference = 0;
  let largest = 0;
  for (let i = 0; i < exact.length; i++) {
    largestDifference = Math.max(largestDifference, Math.abs(values[i] - exact[i]));
    largest = Math.max(largest, Math.abs(exact[i]));
  }
  return largestDifference / largest;
}

async function compareLosses() {
  const net = resnet8();
  await load('start', net);
  const sgd = new Sgd({ lr: expected.lr, momentum: expected.momentum });
  let gap = 0;
  let largestDifference = 0;
  for (const [step, exact] of expected.losses.entries()) {
    const loss = lossOf(net, step);
    sgd.update(net, backward(loss));
    gap = Math.max(gap, Math.abs(expected.losses_float32[step] - exact));
    largestDifference = Math.max(largestDifference, Math.abs(loss.item() - exact));
  }
  const allowed = Math.max(maxLossError, 2 * gap);
  const [first, last] = [expected.losses[0], expected.losses.at(-1)];
  console.log(
    `${expected.losses.length} steps, loss from ${first.toFixed(3)} to ${last.toFixed(4)}: at most ${short(largestDifference)} from float64; PyTorch's float32 ${short(gap)}, allowed ${short(allowed)}`,
  );
  return largestDifference <= allowed;
}

function short(value) {
  return value.toExponential(1);
}
