// The outcomes as a page: docs/reports/mutations.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { arch, cpus, platform } from 'node:os';
import { format, resolveConfig } from 'prettier';
import { capture } from '../../process.mjs';

export async function writeReport(path, results) {
  const caught = results.filter(({ result }) => result === 'caught');
  const survivors = results.filter(({ result }) => result === 'survived');
  const commit = capture('git', ['rev-parse', '--short', 'HEAD']).trim();
  const text = `# Mutations and the tests that catch them

${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model.trim()} (${platform()}-${arch()}), Node ${process.version}, commit ${commit}.
Command: \`npm run check -- mutations ${process.argv.slice(2).join(' ')}\`

Each row is a mutant: a copy of the checkout with one change, compiled and run against the test files that should catch it.
\`tools/check/mutations/list/\` contains the exact changes. A mutant that those tests miss runs through the wider suite before
it counts as a survivor; "(not named)" in the last column marks mutants that only the wider suite caught. With \`--resume\`,
mutants that an earlier run caught are not run again.

${caught.length} of ${results.length} mutants were caught; ${survivors.length} survived.

## Survivors

${
  survivors.length === 0
    ? 'None.'
    : table(
        ['file', 'mutation', 'why no test can catch it'],
        survivors.map(({ mutation }) => [
          code(mutation.file),
          describe(mutation),
          mutation.survives ?? 'unexplained',
        ]),
      )
}

## All mutations

${table(
  ['file', 'mutation', 'outcome', 'caught by'],
  results.map(({ mutation, result, by }) => [code(mutation.file), describe(mutation), result, by ?? '']),
)}
`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

function describe({ what, backend, file }) {
  return backend === 'portable' && !file.startsWith('lib/backend/portable/') ? `${what} (portable)` : what;
}

function table(head, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text) {
  return `\`${text}\``;
}
