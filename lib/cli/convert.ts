import { extname } from 'node:path';
import { quote } from '../validation/quote.js';
import { badValue, readArguments, UsageError } from './arguments.js';
import { type Command, EXIT_SUCCESS } from './command.js';
import type { OutputFormat } from './convert-file.js';

/** The formats of files that the command writes, by their extensions. */
const outputFormats: Readonly<Record<string, OutputFormat>> = {
  '.npz': 'npz',
  '.safetensors': 'safetensors',
  '.onnx': 'onnx',
};

export const convert: Command = {
  summary: 'parameters between .npz, safetensors and ONNX files',
  help: `Usage: npx batchnorm convert INPUT OUTPUT [options]

Converts parameters between .npz, safetensors and ONNX files. The first bytes of INPUT determine its format,
the extension of OUTPUT (.npz, .safetensors or .onnx) the other.

An ONNX file holds a network. Its parameters are written under their names in the file, in which load() and
loadSafetensors() of the network from importOnnx() expect them. To write parameters into an ONNX file, name
the file of a network that has them with --model. Between .npz and safetensors, arrays keep their names.
Values become float32. Optimizer state and other entries of checkpoints are left out.

Options:
  --model FILE    the ONNX file of the network, if INPUT is none
  --shape SIZES   shape of the input, such as 1,3,224,224, if the ONNX file leaves it open
  --help          print this help

Examples:
  npx batchnorm convert model.onnx weights.npz
  npx batchnorm convert weights.npz weights.safetensors
  npx batchnorm convert fine-tuned.npz tuned.onnx --model model.onnx
`,
  async run(args, { print }) {
    const { values, positionals } = readArguments(args, {
      model: { type: 'string' },
      shape: { type: 'string' },
    });
    const [input, output] = positionals;
    if (positionals.length !== 2 || input === '') {
      const received = positionals.length === 0 ? 'none' : positionals.map((path) => quote(path)).join(', ');
      throw new UsageError(`Expected INPUT and OUTPUT for convert but received ${received}`);
    }
    const extension = extname(output).toLowerCase();
    if (!Object.hasOwn(outputFormats, extension)) {
      throw badValue('OUTPUT', 'a file that ends in .npz, .safetensors or .onnx', output);
    }
    const format = outputFormats[extension];
    // Imported here because it loads the backend, which help and usage errors do without.
    const { convertFile } = await import('./convert-file.js');
    const shape = values.shape === undefined ? undefined : readSizes(values.shape);
    const count = await convertFile({ input, output, format, model: values.model, shape });
    print(`${output}: ${count} arrays\n`);
    return EXIT_SUCCESS;
  },
};

function readSizes(text: string): readonly number[] {
  const sizes = text.split(',').map(Number);
  if (sizes.every((size) => Number.isSafeInteger(size) && size > 0)) return sizes;
  throw badValue('--shape', 'sizes such as 1,3,224,224', text);
}
