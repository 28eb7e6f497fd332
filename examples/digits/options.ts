import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface Options {
  /** Directory of IDX files; without it, digits are rendered. */
  readonly data: string | undefined;
  readonly epochs: number;
  readonly images: number;
  readonly seed: number;
  /** Number of worker threads that train together; 1 for none. */
  readonly workers: number;
  /** Path of the file that saves the training run. */
  readonly checkpoint: string;
  /** Path of a saved training run to resume. */
  readonly resume: string | undefined;
  /** Where the HTML page is written. */
  readonly report: string;
  readonly help: boolean;
}

export const usage = `Usage: npm start -- [options]

Trains a small residual network on digits with and without batch norm.

  --data DIR         train on MNIST-format IDX files, plain or gzipped, instead of rendered digits
  --epochs N         passes over the training images for each network (default: 3)
  --images N         maximum number of training images (default: 24000 rendered ones, or all in DIR)
  --seed N           seed of all random numbers (default: 1)
  --workers N        divide each batch among N worker threads (default: 1); to divide it among processes or machines,
                     start this program with mpirun: see docs/guide/several-machines.md
  --checkpoint FILE  save the training run here at each epoch's end and at Ctrl-C (default: digits.npz, or
                     the file of --resume); examples/serving serves it
  --resume FILE      resume a saved training run; repeat the options above
  --report FILE      write learning curves, confusions and misread digits here at each epoch's end and at Ctrl-C
                     (default: digits.html)
  --help             print this
`;

const RENDERED_IMAGES = 24_000;
/** Where examples/serving looks for it. */
const CHECKPOINT = 'digits.npz';

/** An invalid command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError with the option, the expected and the received value. */
export function parseOptions(args: readonly string[]): Options {
  const { data, epochs, images, seed, workers, checkpoint, resume, report, help } = readArguments(args);
  return {
    data: readName('--data', 'a directory', data),
    epochs: readInteger('--epochs', epochs, 1, 1_000) ?? 3,
    images:
      readInteger('--images', images, 10, 1_000_000) ?? (data === undefined ? RENDERED_IMAGES : Infinity),
    seed: readInteger('--seed', seed, 0, 2 ** 32 - 1) ?? 1,
    // Each worker needs a part of a batch of 64.
    workers: readInteger('--workers', workers, 1, 64) ?? 1,
    checkpoint: readName('--checkpoint', 'a file', checkpoint) ?? resume ?? CHECKPOINT,
    resume: readName('--resume', 'a file', resume),
    report: readName('--report', 'a file', report) ?? 'digits.html',
    help: help ?? false,
  };
}

/** The command that resumes a training run. */
export function resumeCommand({ data, epochs, images, seed, workers, checkpoint, report }: Options): string {
  const options = [
    ...(data === undefined ? [] : ['--data', data]),
    ...['--epochs', String(epochs)],
    ...(Number.isFinite(images) ? ['--images', String(images)] : []),
    ...['--seed', String(seed)],
    ...(workers === 1 ? [] : ['--workers', String(workers)]),
    ...['--report', report],
    ...['--resume', checkpoint],
  ];
  return ['npm start --', ...options.map(quote)].join(' ');
}

/** The commands that serve a trained network. */
export function serveCommands({ checkpoint }: Options): string {
  // The server runs in another folder.
  const options = checkpoint === CHECKPOINT ? '' : ` -- --checkpoint ${quote(resolve(checkpoint))}`;
  return ['  npm ci --prefix examples/serving', `  npm start --prefix examples/serving${options}`].join('\n');
}

/** Quotes a word for the shell. */
function quote(word: string): string {
  return /^[\w./:\\-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        data: { type: 'string' },
        epochs: { type: 'string' },
        images: { type: 'string' },
        seed: { type: 'string' },
        workers: { type: 'string' },
        checkpoint: { type: 'string' },
        resume: { type: 'string' },
        report: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    // The first line states the problem, further lines give advice for rare cases.
    const [problem] = (cause as Error).message.split('\n');
    throw new UsageError(problem, { cause });
  }
}

function readName(option: string, expected: string, text: string | undefined): string | undefined {
  if (text === '') throw new UsageError(`Expected ${expected} for ${option} but received ""`);
  return text;
}

function readInteger(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`Expected an integer from ${min} to ${max} for ${option} but received "${text}"`);
  }
  return value;
}
