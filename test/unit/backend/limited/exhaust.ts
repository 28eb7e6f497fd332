// Exhausts the memory of this process repeatedly in different ways: with tensors of the given sizes or, without
// arguments, by a kernel's working space. Computes again after each attempt, and prints the errors.
import { named } from '#lib/backend/argument';
import { backend } from '#lib/backend/index';
import { backward, BatchNorm2D, DataLoader, Sgd, storagePool, Tensor } from 'batchnorm';
import { batchNormInference, batchNormTraining } from 'batchnorm/raw';

/** The error of one attempt. */
export interface Refusal {
  readonly name: string;
  readonly error: string;
  readonly message: string;
  /** Whether a training step afterwards gives the same result as before. */
  readonly computes: boolean;
}

const objects = process.argv[2] === 'objects';
const sizes = objects ? [] : process.argv.slice(2).map(Number);
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
  attempt(`raw inference of ${size}`, held, () => batchNormInference({ x: x.data, ...raw, ...running }));
}

if (objects) exhaustForObjects();
else if (sizes.length === 0) refuseWorkingSpace();

/** Calls that create JavaScript objects, run when almost no memory is left: V8 aborts if it finds none for them. */
function exhaustForObjects(): void {
  const ballastSizes = [4_194_304, 262_144];
  const x = Tensor.zeros([2 ** 21]);
  const bn = new BatchNorm2D(2 ** 20);
  const samples = new DataLoader(
    { features: new Uint8Array(2 ** 23), shape: [1] },
    { batchSize: 2 ** 23, shuffle: true, rng: () => 0.5 },
  );
  const nested = Array.from({ length: 2 ** 10 }, () => new Array<number>(2 ** 10).fill(0.5));
  const acts: Record<string, () => unknown> = {
    randn: () => Tensor.randn([2 ** 23], { rng: () => 0.5 }),
    'the order of a DataLoader': () => samples[Symbol.iterator]().next(),
    'array() of 8 MB': () => x.array(),
    'Tensor.from of nested arrays': () => Tensor.from(nested, [2 ** 10, 2 ** 10]),
    'JSON of 2^20 channels': () => JSON.stringify(bn),
    'String of 2^20 channels': () => String(bn),
  };
  for (const [name, act] of Object.entries(acts)) {
    const ballast: unknown[] = [];
    let error: unknown;
    // V8 frees array buffers of earlier calls in the background, perhaps only after the first round.
    for (let round = 0; round < 3 && error === undefined; round++) {
      for (const size of ballastSizes) fill(ballast, () => Tensor.zeros([size]));
      try {
        act();
      } catch (thrown) {
        error = thrown;
      }
    }
    ballast.length = 0;
    storagePool.clear();
    const refusal: Refusal = {
      name,
      error: error instanceof Error ? error.constructor.name : 'none',
      message: String(error),
      computes: trainingStep() === expected,
    };
    console.log(JSON.stringify(refusal));
  }
}

/** Kernels allocate from the system and not from V8: for sums over rows, twice the size of x. */
function refuseWorkingSpace(): void {
  const columns = 8 * 1024 * 1024;
  const x = new Float32Array(columns);
  const out = new Float32Array(columns).fill(7);
  const ballast: unknown[] = [];
  for (const size of [4_194_304, 262_144]) fill(ballast, () => Tensor.zeros([size]));
  attempt('working space', ballast, () => backend.sumRows(1, columns, named('x', x), named('out', out)));
  if (out.some((value) => value !== 7)) throw new Error('Expected failed calls to write nothing');
}

/** Calls until it throws, holding all results; then releases them. */
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
