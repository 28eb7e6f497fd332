// npm run check -- numerics-layers: the worst errors of convolution, pooling, softmax, cross entropy and activations on every
// backend and of PyTorch against double precision. Exits with 1 if one of our errors is too large.
//
//   --random N  random inputs of each operation (default 200)
//   --neon      also the NEON kernels, under emulation, on a tenth of the random inputs
//   --write     updates the tables of docs/reports/numerics.md
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readArrays, writeArrays } from '../../../dist-dev/test/conformance/numerics/arrays.js';
import { backendsAndPyTorch } from '../backends.mjs';
import { head, replaceTables, row } from '../tables.mjs';
import { adversarialCases, randomCases } from './cases.mjs';
import { reference, worstError } from './references.mjs';

const { values: options } = parseArgs({
  options: {
    random: { type: 'string', default: '200' },
    neon: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

/** The measured quantities and the scales of their errors. */
const rows = [
  ['convolution', 'y', 'Σ\\|x · w\\| + \\|b\\|'],
  ['convolution', 'dx', 'Σ\\|dy · w\\|'],
  ['convolution', 'dw', 'Σ\\|dy · x\\|'],
  ['convolution', 'db', 'Σ\\|dy\\|'],
  ['maxPool', 'y', 'itself'],
  ['maxPool', 'dx', 'Σ\\|dy\\|'],
  ['avgPool', 'y', 'Σ\\|x\\| / k²'],
  ['avgPool', 'dx', 'Σ\\|dy\\| / k²'],
  ['softmax', 'y', 'itself'],
  ['softmax', 'dx', 'y · (\\|dy\\| + Σ\\|y · dy\\|)'],
  ['logSoftmax', 'y', 'itself'],
  ['logSoftmax', 'dx', '\\|dy\\| + eʸ · Σ\\|dy\\|'],
  ['crossEntropy', 'loss', 'itself'],
  ['crossEntropy', 'dx', 'the largest of its row'],
  ['exp', 'y', 'itself'],
  ['log', 'y', 'itself'],
  ['sigmoid', 'y', 'itself'],
  ['sigmoid', 'dx', '\\|dy\\|'],
  ['tanh', 'y', 'itself'],
  ['tanh', 'dx', '\\|dy\\|'],
  ['gelu', 'y', 'itself, or 1e-7 · \\|x\\| if that is more'],
  ['gelu', 'dx', '\\|dy\\|'],
];

/** Limits for our errors. exp of a difference of logits amplifies its rounding error, and GeLU has the limit of tanh. */
const maxErrors = { 'softmax y': 5e-6, 'softmax dx': 5e-6, 'gelu y': 2.5e-6 };
const maxErrorOf = (key) => maxErrors[key] ?? 1e-6;

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-numerics-'));
const serve = ['bench/numerics/layers/serve.mjs'];
const pytorch = 'bench/numerics/layers/pytorch.py';
const all = backendsAndPyTorch({ serve, pytorch, neon: options.neon });

try {
  const random = await measureAll(randomCases(Number(options.random)), 10);
  const adversarial = await measureAll(adversarialCases(), 1);
  const text = [
    ...tableOf(`${options.random} random inputs of each operation`, random),
    ...tableOf('Adversarial inputs', adversarial),
  ].join('\n');
  console.log(text);
  for (const [key, { error, name, implementation }] of adversarial.worst) {
    console.log(`${key}: ${error.toExponential(1)}, ${implementation}, ${name}`);
  }
  for (const [key, { error, name, implementation }] of [...random.worst, ...adversarial.worst]) {
    if (error <= maxErrorOf(key)) continue;
    console.error(
      `Expected at most ${maxErrorOf(key)} for ${key} but found ${error} with ${implementation}, ${name}`,
    );
    process.exitCode = 1;
  }
  if (options.write) {
    const page = 'docs/reports/numerics.md';
    const command = 'npm run check -- numerics-layers';
    writeFileSync(page, replaceTables(readFileSync(page, 'utf8'), text, command));
  }
} finally {
  for (const each of all) each.stop();
  rmSync(folder, { recursive: true });
}

/** The worst errors by quantity and implementation, and our worst case; emulated implementations get only every
 * `thinning`th case. */
async function measureAll(cases, thinning) {
  const errors = new Map();
  const worst = new Map();
  let index = 0;
  for (const given of cases) {
    const expected = reference(given);
    const thin = Math.floor(index++ / 11) % thinning !== 0; // the 11 operations of one random input are consecutive
    for (const each of all) {
      if (each.emulated && thin) continue;
      const results = await compute(each, given, Object.values(expected));
      for (const [i, [quantity, of]] of Object.entries(expected).entries()) {
        const key = `${given.operation} ${quantity}`;
        const error = worstError(results[i], of);
        const known = errors.get(key) ?? {};
        errors.set(key, { ...known, [each.name]: larger(known[each.name] ?? 0, error) });
        if (each.ours && !(error <= (worst.get(key)?.error ?? 0))) {
          worst.set(key, { error, name: given.name, implementation: each.name });
        }
      }
    }
  }
  return { errors, worst };
}

function larger(a, b) {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}

function compute(implementation, { operation, sizes, inputs }, expected) {
  const file = join(folder, 'case');
  writeArrays(file, inputs);
  const request = { file, operation, sizes, lengths: inputs.map(({ length }) => length) };
  const lengths = expected.map((each) => each.expected.length);
  return implementation.ask(request, () => readArrays(`${file}.result`, lengths));
}

function show(error) {
  if (error === undefined) return '–';
  return error === 0 ? '0' : Number.isFinite(error) ? error.toExponential(1) : String(error);
}

function tableOf(title, { errors }) {
  const names = all.map(({ name }) => name);
  const lines = rows.map(([operation, quantity, scale]) => {
    const of = errors.get(`${operation} ${quantity}`) ?? {};
    return row([`${operation}, ${quantity}`, scale, ...names.map((name) => show(of[name]))]);
  });
  return [`### ${title}`, '', ...head(['worst of all', 'relative to', ...names]), ...lines, ''];
}
