import { badValue, readArguments, refuseOperands } from './arguments.js';
import { type Command, EXIT_SUCCESS } from './command.js';
import { plural, short, table } from './format.js';
import { measure } from './measure.js';
import { version } from './version.js';

type LayerShape = readonly [images: number, channels: number, height: number, width: number];

/** Tensors that are larger than most caches, about as large, and smaller. */
const defaultShapes: readonly LayerShape[] = [
  [16, 64, 112, 112],
  [32, 256, 28, 28],
  [8, 64, 32, 32],
];
const defaultSeconds = 10;

/** 2 GiB of float32; the copy has a source and a destination of this size. */
const maxElements = 2 ** 29;

export const bench: Command = {
  summary: 'a ten-second benchmark of the kernels against a memory copy',
  help: `Usage: npx batchnorm bench [options]

Times the kernels on a few layers, alternating with the system's memory copy of the same tensor on the same
threads. The copy reads one tensor and writes one, the minimum for inference and for the forward pass of
training; the backward pass reads two and writes one, which equals 1.5 copies.

Options:
  --shape N,C,H,W   measure this layer instead; may be repeated
  --seconds S       time for all layers together, 0.1 to 600 (default: ${defaultSeconds})
  --json            print one JSON object
  --help            print this help

Examples:
  npx batchnorm bench
  npx batchnorm bench --shape 32,64,56,56 --shape 1,3,224,224
  BATCHNORM_NUM_THREADS=1 npx batchnorm bench --seconds 3 --json
`,
  async run(args, { print }) {
    const { shapes, seconds, json } = readOptions(args);
    // Imported here because help and usage errors need no backend.
    const { backend } = await import('../backend/index.js');
    const { timeLayer } = await import('./time-layer.js');
    const { name, isa, threads } = backend.info;
    if (!json) {
      print(`batchnorm ${version}: ${name} backend, ${isa}, ${plural(threads, 'thread')}\n`);
    }
    const layers = [];
    for (const shape of shapes) {
      const milliseconds = timeLayer(shape, (calls) => measure(calls, seconds / shapes.length));
      layers.push({ shape, milliseconds, copies: ratios(milliseconds) });
      if (!json) print(describe(shape, milliseconds));
    }
    if (json) print(`${JSON.stringify({ version, backend: backend.info, layers }, null, 2)}\n`);
    return EXIT_SUCCESS;
  },
};

interface Milliseconds {
  readonly copy: number;
  readonly inference: number;
  readonly training: number;
  readonly backward: number;
}

const kernels = ['inference', 'training', 'backward'] as const;

/** Time of each kernel in units of the time of a copy. */
function ratios(milliseconds: Milliseconds): Record<(typeof kernels)[number], number> {
  const of = (kernel: (typeof kernels)[number]) => milliseconds[kernel] / milliseconds.copy;
  return { inference: of('inference'), training: of('training'), backward: of('backward') };
}

function describe(shape: LayerShape, milliseconds: Milliseconds): string {
  const copies = ratios(milliseconds);
  const rows = kernels.map((kernel) => [
    `  ${kernel}`,
    `${short(milliseconds[kernel])} ms`,
    `${copies[kernel].toFixed(2)} copies`,
  ]);
  return `\n${shape.join('×')}\n${table([['  copy', `${short(milliseconds.copy)} ms`], ...rows])}`;
}

function readOptions(args: readonly string[]) {
  const { values, positionals } = readArguments(args, {
    shape: { type: 'string', multiple: true },
    seconds: { type: 'string' },
    json: { type: 'boolean' },
  });
  refuseOperands('bench', positionals);
  return {
    shapes: values.shape?.map(readShape) ?? defaultShapes,
    seconds: values.seconds === undefined ? defaultSeconds : readSeconds(values.seconds),
    json: values.json === true,
  };
}

function readShape(text: string): LayerShape {
  const sizes = /^\d+(,\d+){3}$/.test(text) ? text.split(',').map(Number) : [];
  const [images, channels, height, width] = sizes;
  const elements = sizes.reduce((product, size) => product * size, 1);
  const trains = images * height * width > 1 && channels > 0;
  if (!trains || elements > maxElements) {
    const expected = `N,C,H,W with at least two values per channel and at most ${maxElements} in all`;
    throw badValue('--shape', expected, text);
  }
  return [images, channels, height, width];
}

function readSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= 0.1 && seconds <= 600)) {
    throw badValue('--seconds', 'a number from 0.1 to 600', text);
  }
  return seconds;
}
