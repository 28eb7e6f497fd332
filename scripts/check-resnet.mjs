// npm run check:resnet [-- FOLDER]: ResNet-8 against PyTorch, which has to be installed and makes the numbers first, by
// test/reference/resnet/make.py; or against those that it has written to FOLDER before. Prints the largest differences;
// exits with 1 where one is too large:
//
// - loss and gradients at each of twenty sets of weights along PyTorch's training: 1e-5 of PyTorch's loss, and of the
//   largest absolute value of that gradient, both computed by PyTorch in float64;
// - the losses of a training of a hundred steps from PyTorch's weights: 1e-4, or twice what PyTorch's training in
//   float32 has been away from that in float64 so far.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resnet8 } from '../bench/resnet/network.mjs';
import {
  backend,
  backward,
  crossEntropyWithLogits,
  loadSafetensors,
  Sgd,
  Tensor,
} from '../dist/index.js';
import { run } from './run.mjs';

const mostOfGradient = 1e-5;
const mostOfLosses = 1e-4;

const folder = process.argv[2] ?? madeByPyTorch();
const expected = JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8'));
const batches = await readBatches();

console.log(`${backend.name}, ${backend.isa}; PyTorch ${expected.torch}`);
const gradientsPassed = await compareGradients();
const lossesPassed = await compareLosses();
process.exitCode = gradientsPassed && lossesPassed ? 0 : 1;

function madeByPyTorch() {
  const made = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  process.on('exit', () => rmSync(made, { recursive: true }));
  run('/usr/bin/python3', ['test/reference/resnet/make.py', made]);
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
    parameters: () => batches.flatMap(({ x, classes }, i) => [[`x${i}`, x], [`classes${i}`, classes]]), // prettier-ignore
  });
  return batches.map(({ x, classes }) => ({ x, classes: Int32Array.from(classes.data) }));
}

function lossOf(net, step) {
  const { x, classes } = batches[step % batches.length];
  return crossEntropyWithLogits(net.forwardMut(x.trace()), classes);
}

/** What has a gradient: all but the running statistics. */
function trainable(net) {
  return net.parameters().filter(([name]) => !/\.running_(mean|var)$/.test(name));
}

async function readGradients(name) {
  const net = resnet8();
  await load(name, { parameters: () => trainable(net) });
  return trainable(net).map(([, tensor]) => tensor.data);
}

async function compareGradients() {
  const net = resnet8();
  const names = trainable(net).map(([name]) => name);
  const worst = { loss: { ours: 0, PyTorch: 0 }, gradient: { ours: 0, PyTorch: 0 } };
  let passed = true;
  for (const { step, loss: exactLoss, float32 } of expected.points) {
    await load(`weights-${step}`, net);
    const exact = await readGradients(`gradients-${step}`);
    const rounded = await readGradients(`float32-${step}`);
    const loss = lossOf(net, step);
    const gradients = backward(loss);
    const ours = trainable(net).map(([, tensor]) => gradients.get(tensor).data);
    note(worst.loss, 'ours', difference([loss.item()], [exactLoss]), `before step ${step}`);
    note(worst.loss, 'PyTorch', difference([float32], [exactLoss]), '');
    for (const [i, name] of names.entries()) {
      note(worst.gradient, 'ours', difference(ours[i], exact[i]), `${name} before step ${step}`);
      note(worst.gradient, 'PyTorch', difference(rounded[i], exact[i]), '');
    }
  }
  console.log(`${expected.points.length} sets of weights, ${names.length} gradients of each`);
  for (const [what, { ours, PyTorch, where }] of Object.entries(worst)) {
    console.log(
      `  ${what}: at most ${ours.toExponential(1)} from float64 (${where}); PyTorch's float32 ${PyTorch.toExponential(1)}`,
    );
    passed &&= ours <= mostOfGradient;
  }
  return passed;
}

function note(worst, whose, found, where) {
  // NaN is the worst, and stays it.
  if (found <= worst[whose] || Number.isNaN(worst[whose])) return;
  worst[whose] = found;
  if (whose === 'ours') worst.where = where;
}

/** The largest difference, of the largest absolute value. */
function difference(values, exact) {
  let most = 0;
  let largest = 0;
  for (let i = 0; i < exact.length; i++) {
    most = Math.max(most, Math.abs(values[i] - exact[i]));
    largest = Math.max(largest, Math.abs(exact[i]));
  }
  return most / largest;
}

async function compareLosses() {
  const net = resnet8();
  await load('start', net);
  const sgd = new Sgd({ lr: expected.lr, momentum: expected.momentum });
  let gap = 0;
  let most = 0;
  let mostAllowed = 0;
  let passed = true;
  for (const [step, exact] of expected.losses.entries()) {
    const loss = lossOf(net, step);
    sgd.update(net, backward(loss));
    gap = Math.max(gap, Math.abs(expected.losses_float32[step] - exact));
    const allowed = Math.max(mostOfLosses, 2 * gap);
    const off = Math.abs(loss.item() - exact);
    if (!(off <= allowed)) {
      console.log(
        `  before step ${step}: ${loss.item()}, ${off} from PyTorch's float64; ${allowed} are allowed`,
      );
      passed = false;
    }
    most = Math.max(most, off);
    mostAllowed = allowed;
  }
  const [first, last] = [expected.losses[0], expected.losses.at(-1)];
  console.log(
    `${expected.losses.length} steps, loss from ${first.toFixed(3)} to ${last.toFixed(4)}: at most ${most.toExponential(1)} from float64; PyTorch's float32 ${gap.toExponential(1)}, allowed in the end ${mostAllowed.toExponential(1)}`,
  );
  return passed;
}
