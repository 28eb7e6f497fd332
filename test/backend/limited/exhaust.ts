// Takes all memory that this process may have, again and again in different ways, with tensors of the given
// sizes or, without any, by a kernel's working space. Goes on computing after each, and prints what was thrown.
import { backend } from '#lib/backend/index';
import { backward, BatchNorm2D, Sgd, storagePool, Tensor } from 'batchnorm';
import { batchNormInference, batchNormTraining } from 'batchnorm/raw';

/** What one attempt was refused with. */
export interface Refusal {
  readonly name: string;
  readonly error: string;
  readonly message: string;
  /** Whether a training step afterwards gives what it gave before. */
  readonly computes: boolean;
}

const sizes = process.argv.slice(2).map(Number);
const expected = trainingStep();

for (const size of sizes) {
  const held: unknown[] = [];
  const channels = 4;
  const shape = [size / channels / 4, channels, 2, 2] as const;
  const bn = new BatchNorm2D(channels);
  const parameter = (): Float32Array => new Float32Array(channels).fill(1);
  const raw = { shape, scale: parameter(), bias: parameter() };
  const running = { runningMean: parameter(), runningVar: parameter() };
  const x = Tensor.zeros(shape);

  attempt(`zeros of ${size}`, held, () => Tensor.zeros(shape));
  attempt(`forward of ${size}`, held, () => bn.forward(x));
  attempt(`forwardMut of ${size}`, held, () => bn.forwardMut(x.trace()));
  attempt(`exp of ${size}`, held, () => x.trace().exp());
  attempt(`add of ${size}`, held, () => x.add(1));
  attempt(`clone of ${size}`, held, () => x.clone());
  attempt(`raw training of ${size}`, held, () => batchNormTraining({ x: x.data, ...raw }));
  attempt(`raw inference of ${size}`, held, () =>
    batchNormInference({ x: x.data, ...raw, ...running }),
  );
}

if (sizes.length === 0) refuseWorkingSpace();

/** The kernels take theirs from the system and not from V8: for sums over rows, twice as much as x. */
function refuseWorkingSpace(): void {
  const columns = 8 * 1024 * 1024;
  const x = new Float32Array(columns);
  const out = new Float32Array(columns).fill(7);
  const ballast: unknown[] = [];
  for (const size of [4_194_304, 262_144]) fill(ballast, () => Tensor.zeros([size]));
  attempt('working space', ballast, () => backend.sumRows(1, columns, x, out));
  if (out.some((value) => value !== 7)) throw new Error('Expected nothing written by what failed');
}

/** Calls until it throws, holding all results; then lets them go. */
function attempt(name: string, held: unknown[], allocate: () => unknown): void {
  const error = fill(held, allocate);
  held.length = 0;
  storagePool.clear();
  const refusal: Refusal = {
    name,
    error: error.constructor.name,
    message: error.message,
    computes: trainingStep() === expected,
  };
  console.log(JSON.stringify(refusal));
}

function fill(held: unknown[], allocate: () => unknown): Error {
  try {
    for (;;) held.push(allocate());
  } catch (error) {
    return error as Error;
  }
}

function trainingStep(): string {
  const bn = new BatchNorm2D(2);
  const x = Tensor.from(
    Float32Array.from({ length: 2 * 2 * 64 * 64 }, (_, i) => Math.sin(i)),
    [2, 2, 64, 64],
  );
  new Sgd({ lr: 0.1 }).update(bn, backward(bn.forwardMut(x.trace()).exp().mean()));
  return JSON.stringify(bn);
}
