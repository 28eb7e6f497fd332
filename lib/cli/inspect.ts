import { quote } from '../validation/quote.js';
import { readArguments, UsageError } from './arguments.js';
import { type Command, EXIT_FAILURE, EXIT_SUCCESS } from './command.js';

export const inspect: Command = {
  summary: 'the arrays of an .npz, .npy, safetensors or ONNX file, and suspicious values',
  help: `Usage: npx batchnorm inspect FILE [options]

Lists the arrays of an .npz, .npy, safetensors or ONNX file with type, shape and range, in separate tables
for the model, the optimizer and the rest of a checkpoint, and counts parameters. Of an ONNX file, it also
lists inputs, outputs and nodes with their shapes, and says whether importOnnx() supports it. Reports
suspicious values: NaN, infinities, negative or zero running variances, zero scales, untrained statistics,
and shapes that do not match. The first bytes of a file determine its format. Files of any size are read in
little memory, except ONNX files.

Exits with 1 if the file or an array in it cannot be read.

Options:
  --strict   exit with 1 if anything is suspicious, too
  --json     print one JSON object
  --help     print this help

Examples:
  npx batchnorm inspect weights.npz
  npx batchnorm inspect model.safetensors --json
  npx batchnorm inspect model.onnx
  npx batchnorm inspect weights.npz --strict && echo fine
`,
  async run(args, { print, printError }) {
    const { values, positionals } = readArguments(args, {
      strict: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const [file] = positionals;
    if (positionals.length !== 1 || file === '') {
      const received = positionals.length === 0 ? 'none' : positionals.map((path) => quote(path)).join(', ');
      throw new UsageError(`Expected one FILE for inspect but received ${received}`);
    }
    // Imported here because it loads the backend, which help and usage errors do without.
    const { readArrays } = await import('./read-arrays.js');
    const { findSuspicious, findSuspiciousValues } = await import('./suspicious.js');
    const { reportJson, reportText } = await import('./inspect-report.js');
    const contents = await readArrays(file);
    const { format, arrays, unreadable } = contents;
    // A single array is named after its file, which says nothing about its purpose.
    const suspicious = format === 'npy' ? findSuspiciousValues(arrays) : findSuspicious(arrays);
    if (values.json === true) {
      print(`${escapedJson(reportJson(file, contents, suspicious))}\n`);
    } else {
      print(reportText(file, contents, suspicious));
      for (const { message } of unreadable) printError(`batchnorm: ${message}\n`);
    }
    const failed = unreadable.length > 0 || (values.strict === true && suspicious.length > 0);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
  },
};

/** JSON that also escapes the control characters that JSON allows but a terminal obeys. */
function escapedJson(value: object): string {
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, (character) =>
    character.split('').map(escapeUnit).join(''),
  );
}
