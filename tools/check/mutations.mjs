// Applies each mutation of tools/check/mutations/list/ to a copy of the checkout and runs the tests that should notice it.
//
//   npm run check -- mutations                 every mutation; fails if one survives
//   npm run check -- mutations nn optim        mutations of files in folders with these names or with this text in their path
//   npm run check -- mutations --check         only checks that every text still occurs once in its source; immediate
//   npm run check -- mutations --named         without the wider suite for mutations that the named tests miss
//   npm run check -- mutations --resume        reuses outcomes of mutations that an earlier run caught
//   npm run check -- mutations --report FILE   also writes the outcomes as a page
import { parseArgs } from 'node:util';
import { readMutations } from './mutations/list.mjs';
import { writeReport } from './mutations/report.mjs';
import { Outcomes } from './mutations/outcomes.mjs';
import { Workplace } from './mutations/workplace.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean' },
    named: { type: 'boolean' },
    resume: { type: 'boolean' },
    report: { type: 'string' },
  },
});

const all = await readMutations();
const { backend } = await import('batchnorm');
const chosen = all.filter(
  ({ file, isa }) =>
    (positionals.length === 0 || positionals.some((part) => `/${file}`.includes(`/${part}`))) &&
    (isa === undefined || isa === backend.isa),
);
console.log(`${chosen.length} of ${all.length} mutations; every text occurs once in its source`);
if (values.check) process.exit();

const outcomes = new Outcomes(values.resume === true);
const workplace = new Workplace('build-mutations');
const waiting = chosen.filter((mutation) => outcomes.of(mutation) === undefined);
workplace.requirePassing(waiting);
const missed = [];
for (const mutation of waiting) {
  const outcome = workplace.tryNamed(mutation);
  if (outcome.result === 'survived') missed.push(mutation);
  note(mutation, outcome);
}
// Last, since each takes minutes.
if (!values.named) {
  workplace.requireWideSuitePassing(missed);
  for (const mutation of missed) note(mutation, workplace.tryAll(mutation));
}

function note(mutation, outcome) {
  outcomes.add(mutation, outcome);
  console.log(`${outcome.result.padEnd(8)} ${mutation.file}: ${mutation.what}`);
  if (outcome.by !== undefined) console.log(`         ${outcome.by}`);
}

const results = chosen.map((mutation) => ({ mutation, ...outcomes.of(mutation) }));
if (values.report !== undefined) await writeReport(values.report, results);

const unexpected = results.filter(
  ({ mutation, result }) => (result === 'survived') !== (mutation.survives !== undefined),
);
const caught = results.filter(({ result }) => result === 'caught').length;
console.log(`\n${caught} of ${results.length} caught`);
for (const { mutation, result } of unexpected) {
  const expected = mutation.survives === undefined ? 'caught' : 'survived';
  console.error(
    `Expected ${mutation.file} to be ${expected} but it ${result === 'caught' ? 'was' : 'has'} ${result}: ${mutation.what}`,
  );
}
process.exit(unexpected.length === 0 ? 0 : 1);
