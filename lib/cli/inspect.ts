import { quote } from '../validation/quote.js';
import { readArguments, UsageError } from './arguments.js';
import { type Command, EXIT_FAILURE, EXIT_SUCCESS } from './command.js';

export const inspect: Command = {
  summary: 'what is in an .npz, .npy or safetensors file, and what looks wrong with it',
  help: `Usage: npx batchnorm inspect FILE [options]

Lists the arrays of an .npz, .npy or safetensors file with type, shape and range, those of an optimizer and
of a checkpoint apart, and counts parameters. Says what looks wrong: NaN, infinite values, running variances
that are negative or zero, scales that are zero, statistics that were never trained, shapes that do not go
together. The first bytes of a file tell its format. Files of any size are read with little memory.

Exits with 1 where the file or an array in it cannot be read.

Options:
  --strict   exit with 1 also where something looks wrong
  --json     as one JSON object
  --help     print this

Examples:
  npx batchnorm inspect weights.npz
  npx batchnorm inspect model.safetensors --json
  npx batchnorm inspect weights.npz --strict && echo fine
`,
  async run(args, { print, complain }) {
    const { values, positionals } = readArguments(args, {
      strict: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const [file] = positionals;
    if (positionals.length !== 1 || file === '') {
      const received = positionals.length === 0 ? 'none' : positionals.map((path) => quote(path)).join(', ');
      throw new UsageError(`Expected one FILE for inspect but received ${received}`);
    }
    // Not at the top: it loads the backend, which help and errors of usage do without.
    const { readArrays } = await import('./read-arrays.js');
    const { findSuspicious, findSuspiciousValues } = await import('./suspicious.js');
    const { reportJson, reportText } = await import('./inspect-report.js');
    const contents = await readArrays(file);
    const { format, arrays, unreadable } = contents;
    // A single array has the file's name, which tells nothing.
    const suspicious = format === 'npy' ? findSuspiciousValues(arrays) : findSuspicious(arrays);
    if (values.json === true) {
      print(`${escapedJson(reportJson(file, contents, suspicious))}\n`);
    } else {
      print(reportText(file, contents, suspicious));
      for (const { message } of unreadable) complain(`batchnorm: ${message}\n`);
    }
    const failed = unreadable.length > 0 || (values.strict === true && suspicious.length > 0);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
  },
};

/** JSON with escapes also for the characters that JSON leaves and a terminal obeys. */
function escapedJson(value: object): string {
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, (character) =>
    character.split('').map(escapeUnit).join(''),
  );
}
