// npm run check -- numerics: the errors of every backend, of PyTorch and of the naive formula against float64.
//
//   --random N  random inputs (default 1000)
//   --large N   number of values in the large channels (default 100000000; 0 for none)
//   --neon      also the NEON kernels, under emulation, on a tenth of the random inputs
//   --write     updates the tables of docs/reports/numerics.md and its plot, docs/reports/numerics.svg
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { adversarialCases, patternCount } from '../../dist-dev/test/conformance/numerics/adversarial.js';
import {
  errorsOf,
  limits,
  noErrors,
  quantities,
  worst,
} from '../../dist-dev/test/conformance/numerics/errors.js';
import { naive } from '../../dist-dev/test/conformance/numerics/implementations.js';
import { largeCases } from '../../dist-dev/test/conformance/numerics/large.js';
import { randomCase } from '../../dist-dev/test/conformance/numerics/random-cases.js';
import { readResult, writeCase } from '../../dist-dev/test/conformance/numerics/serve.js';
import { ratios, sweepCase } from '../../dist-dev/test/conformance/numerics/sweep.js';
import { backendsAndPyTorch } from './backends.mjs';
import { plot } from './plot.mjs';
import { replaceTables, tables } from './tables.mjs';

const { values: options } = parseArgs({
  options: {
    random: { type: 'string', default: '1000' },
    large: { type: 'string', default: '100000000' },
    neon: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-numerics-'));
const all = implementations();
const ours = all.filter((each) => each.ours);

try {
  const groups = [];
  groups.push(await measureGroup(`${options.random} random inputs`, randomCases(), 10));
  const adversarial = await measureGroup(
    `${patternCount} patterns of adversarial inputs`,
    adversarialCases(),
    1,
  );
  groups.push(adversarial);
  const largest = Number(options.large);
  if (largest > 0) {
    const title = `a channel of ${largest} values`;
    groups.push(await measureGroup(title, largeCases(largest), Infinity));
  }
  const sweep = [];
  for (const ratio of ratios) sweep.push({ ratio, errors: await measure(sweepCase(ratio), all) });

  const names = all.map(({ name }) => name);
  const text = tables({ groups, names, limits, quantities });
  console.log(text);
  if (options.write) {
    const page = 'docs/reports/numerics.md';
    writeFileSync(page, replaceTables(readFileSync(page, 'utf8'), text));
    writeFileSync('docs/reports/numerics.svg', await plot({ groups, sweep, names, limits, quantities }));
  }
  const missed = groups.flatMap(({ title, cases }) =>
    cases.flatMap(({ name, errors }) =>
      ours
        .filter((each) => errors[each.name] !== undefined && !within(errors[each.name]))
        .map((each) => `${each.name}, ${title}, ${name}: ${JSON.stringify(errors[each.name])}`),
    ),
  );
  for (const line of missed) console.error(`Outside the contract: ${line}`);
  process.exitCode = missed.length > 0 ? 1 : 0;
} finally {
  for (const each of all) each.stop();
  rmSync(folder, { recursive: true });
}

function* randomCases() {
  for (let i = 0; i < Number(options.random); i++) yield randomCase(i);
}

function within(errors) {
  return quantities.every((name) => errors[name] <= limits[name]);
}

/** The errors of every case by implementation; emulated implementations get only every `thinning`th case. */
async function measureGroup(title, cases, thinning) {
  const measured = [];
  let index = 0;
  for (const given of cases) {
    const taking = all.filter((each) => !each.emulated || index % thinning === 0);
    const errors = await measure(
      given,
      taking.filter((each) => !each.emulated || thinning < Infinity),
    );
    const { images, channels, plane } = given.layout;
    measured.push({ name: given.name, shape: `${images}×${channels}×${plane}`, errors });
    index++;
  }
  const total = {};
  for (const { errors } of measured) {
    for (const [name, each] of Object.entries(errors)) {
      total[name] = worst(total[name] ?? noErrors, each);
    }
  }
  return { title, cases: measured, total, thinning };
}

async function measure(given, taking) {
  const file = join(folder, 'case');
  const { layout, epsilon } = given;
  writeCase(file, given);
  const errors = {};
  for (const each of taking) {
    const request = { file: resolve(file), layout, epsilon };
    const result = each.compute === undefined ? await each.ask(request, readResult) : each.compute(given);
    errors[each.name] = errorsOf(given, result);
  }
  return errors;
}

/** The available implementations. */
function implementations() {
  const serve = ['dist-dev/test/conformance/numerics/serve.js', 'serve'];
  const found = backendsAndPyTorch({
    serve,
    pytorch: 'bench/numerics/pytorch.py',
    neon: options.neon,
  });
  return [...found, { name: 'naive', compute: naive, stop: () => undefined }];
}
