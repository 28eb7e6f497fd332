import { formatShape } from '../tensor/shape.js';
import { readArguments, UsageError } from './arguments.js';
import { type Command, EXIT_FAILURE, EXIT_SUCCESS } from './command.js';
import { plural, short, table } from './format.js';
import { findSuspicious, type InspectedArray, type Suspicion } from './suspicious.js';

export const inspect: Command = {
  summary: 'what is in an .npz file, and what looks wrong with it',
  help: `Usage: npx batchnorm inspect FILE.npz [options]

Lists the arrays of an .npz file with type, shape and range, and says what looks wrong: NaN, infinite
values, running variances that are negative or zero, scales that are zero, statistics that were never
trained, shapes that do not go together. Files of any size are read with little memory.

Exits with 1 where the file or an array in it cannot be read.

Options:
  --strict   exit with 1 also where something looks wrong
  --json     as one JSON object
  --help     print this

Examples:
  npx batchnorm inspect weights.npz
  npx batchnorm inspect weights.npz --json
  npx batchnorm inspect weights.npz --strict && echo fine
`,
  async run(args, { print, complain }) {
    const { values, positionals } = readArguments(args, {
      strict: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const [file] = positionals;
    if (positionals.length !== 1 || file === '') {
      const received = positionals.length === 0 ? 'none' : positionals.map((path) => JSON.stringify(path)).join(', '); // prettier-ignore
      throw new UsageError(`Expected one FILE.npz for inspect but received ${received}`);
    }
    // Not at the top: it loads the backend, which help and errors of usage do without.
    const { readArrays } = await import('./read-arrays.js');
    const { arrays, others, unreadable } = await readArrays(file);
    const suspicious = findSuspicious(arrays);
    if (values.json === true) {
      const failures = unreadable.map(({ name, message }) => ({ name, problem: message }));
      print(`${JSON.stringify({ file, arrays, others, suspicious, unreadable: failures }, null, 2)}\n`); // prettier-ignore
    } else {
      print(describe(file, arrays, others, suspicious));
      for (const { message } of unreadable) complain(`batchnorm: ${message}\n`);
    }
    const failed = unreadable.length > 0 || (values.strict === true && suspicious.length > 0);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
  },
};

function describe(
  file: string,
  arrays: readonly InspectedArray[],
  others: readonly string[],
  suspicious: readonly Suspicion[],
): string {
  const number = (value: number | null | undefined) => (value == null ? '–' : short(value));
  const rows = arrays.map(({ name, type, shape, statistics }) => [
    ...[printable(name), type, formatShape(shape)],
    ...[number(statistics?.min), number(statistics?.max), number(statistics?.mean)],
  ]);
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'entry', 'entries')} of another kind`; // prettier-ignore
  const parts = [`${file}: ${plural(arrays.length, 'array')}${more}\n`];
  if (rows.length > 0) parts.push(`\n${table([['name', 'type', 'shape', 'min', 'max', 'mean'], ...rows])}`); // prettier-ignore
  if (suspicious.length > 0) {
    const lines = suspicious.map(({ name, problem }) => `  ${printable(name)}: ${problem}\n`);
    parts.push(`\nsuspicious\n${lines.join('')}`);
  } else if (rows.length > 0) {
    parts.push('\nnothing suspicious\n');
  }
  return parts.join('');
}

/** A name from a file may hold anything, also what a terminal obeys. */
function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16) ?? ''}}`);
}
