// node program.js exhausted|trap: brings the WebAssembly backend to its limits and prints what calls return or throw.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, BatchNorm2D, compile, Sgd, type Shape, Tensor } from 'batchnorm';
import { WasmInstance } from '#lib/backend/wasm/instance';
import { storageOf } from '#lib/tensor';
import { seeded, values } from '../../../support/random.js';

type Outcomes = Record<string, unknown>;

/** The result of `act`, or the name and the code of its error. */
function outcomeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return summary(error);
  }
}

function summary(error: unknown): unknown {
  const { name, code } = error as { name: string; code?: string };
  return { name, code };
}

const channels = 64;
const input = () => Tensor.from(values(seeded(1), 2 * channels * 16), [2, channels, 4, 4]);

/** A digest of what a training step on small tensors computes. */
function digestOfStep(): string {
  const bn = new BatchNorm2D(channels);
  const x = input();
  const y = bn.forwardMut(x.trace());
  const gradients = backward(y.square().mean());
  new Sgd({ lr: 0.1 }).update(bn, gradients);
  const hash = createHash('sha256');
  for (const tensor of [bn.scale, bn.bias, bn.runningMean, bn.runningVar]) hash.update(tensor.data);
  return hash.digest('hex');
}

/** With a memory of 64 MB. */
function exhausted(): Outcomes {
  const before = digestOfStep();
  const length = 2 ** 21;
  const kept: Tensor<Shape>[] = [];
  // One more than fits.
  for (let i = 0; i < 8; i++) kept.push(Tensor.from(new Float32Array(length).fill(i), [length]));
  const [first, last] = [kept[0], kept[7]];
  const isOutside = storageOf(first).values.buffer !== storageOf(last).values.buffer;
  if (!isOutside) throw new Error('Expected the last tensor outside the memory of the module');
  const outcomes = {
    sum: outcomeOf(() => first.add(last).shape),
    inPlace: outcomeOf(() => last.relu().shape),
    unchanged: kept.every((each, i) => storageOf(each).values.every((value) => value === i)),
    small: digestOfStep() === before ? 'same bits' : 'other bits',
  };
  for (const each of kept.splice(2, 4)) each.dispose();
  return { ...outcomes, afterwards: storageOf(first.add(last)).values[length - 1] };
}

async function trap(): Promise<Outcomes> {
  let instance: WasmInstance | undefined;
  const call = Object.getOwnPropertyDescriptor(WasmInstance.prototype, 'call') as {
    value: (index: number) => void;
  };
  WasmInstance.prototype.call = function (this: WasmInstance, index) {
    // The only instance that tensors use.
    instance = this; // eslint-disable-line @typescript-eslint/no-this-alias
    call.value.call(this, index);
  };
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  const file = join(folder, 'layer.npz');
  const bn = new BatchNorm2D(channels);
  const x = input();
  await bn.save(file);
  const saved = readFileSync(file);
  const gradients = backward(bn.forwardMut(x.trace()).square().mean());
  const plan = compile(bn, [2, channels, 4, 4]);
  const adopted = Tensor.adopt(new Float32Array([1, 2, 3]), [3]);
  if (instance === undefined) throw new Error('Expected an operation that ran in the module');
  const trapped = instance;
  const outcomes: Outcomes = {
    trap: outcomeOf(() => {
      // Addresses beyond the memory, which no call of the library passes.
      trapped.arguments.set([1000, 2 ** 32 - 64, 2 ** 32 - 64]);
      trapped.call(trapped.operations.indexOf('relu'));
    }),
    operation: outcomeOf(() => x.add(x)),
    forward: outcomeOf(() => bn.forward(x)),
    training: outcomeOf(() => bn.forwardMut(x.trace())),
    update: outcomeOf(() => {
      new Sgd({ lr: 0.1 }).update(bn, gradients);
    }),
    plan: outcomeOf(() => plan.runSync(x)),
    data: outcomeOf(() => x.data),
    array: outcomeOf(() => x.array()),
    clone: outcomeOf(() => x.clone()),
    text: outcomeOf(() => String(x)),
    json: outcomeOf(() => JSON.stringify(bn)),
    fresh: outcomeOf(() => Tensor.zeros([100])),
    save: await bn.save(file).catch(summary),
    file: readFileSync(file).equals(saved) ? 'unchanged' : 'changed',
    adopted: adopted.array(),
  };
  rmSync(folder, { recursive: true });
  return outcomes;
}

const [part] = process.argv.slice(2);
console.log(JSON.stringify(part === 'trap' ? await trap() : exhausted()));
