import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface Options {
  /** Directory of IDX files; without it, digits are rendered. */
  readonly data: string | undefined;
  readonly epochs: number;
  readonly images: number;
  readonly seed: number;
  /** Where the training is saved. */
  readonly checkpoint: string;
  /** A saved training to go on with. */
  readonly resume: string | undefined;
  /** Where the HTML page is written. */
  readonly report: string;
  readonly help: boolean;
}

export const usage = `Usage: npm start -- [options]

Trains a small residual network on digits, with batch norm and without.

  --data DIR         train on MNIST-format IDX files, plain or gzipped, instead of rendered digits
  --epochs N         passes over the training images for each network (default: 3)
  --images N         training images at most (default: 24000 rendered ones, or all in DIR)
  --seed N           decides everything that is left to chance (default: 1)
  --checkpoint FILE  save the training here at each epoch's end and at Ctrl-C (default: digits.npz, or
                     the file of --resume); examples/serving serves it
  --resume FILE      go on with a saved training; the options above as they were then
  --report FILE      write curves, confusions and misread digits here (default: digits.html)
  --help             print this
`;

const RENDERED_IMAGES = 24_000;
/** Where examples/serving looks for it. */
const CHECKPOINT = 'digits.npz';

/** What the user typed that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError naming the option, what was expected and what came. */
export function parseOptions(args: readonly string[]): Options {
  const { data, epochs, images, seed, checkpoint, resume, report, help } = readArguments(args);
  return {
    data: readName('--data', 'a directory', data),
    epochs: readInteger('--epochs', epochs, 1, 1_000) ?? 3,
    images:
      readInteger('--images', images, 10, 1_000_000) ?? (data === undefined ? RENDERED_IMAGES : Infinity),
    seed: readInteger('--seed', seed, 0, 2 ** 32 - 1) ?? 1,
    checkpoint: readName('--checkpoint', 'a file', checkpoint) ?? resume ?? CHECKPOINT,
    resume: readName('--resume', 'a file', resume),
    report: readName('--report', 'a file', report) ?? 'digits.html',
    help: help ?? false,
  };
}

/** The command that goes on with a training. */
export function resumeCommand({ data, epochs, images, seed, checkpoint, report }: Options): string {
  const options = [
    ...(data === undefined ? [] : ['--data', data]),
    ...['--epochs', String(epochs)],
    ...(Number.isFinite(images) ? ['--images', String(images)] : []),
    ...['--seed', String(seed)],
    ...['--report', report],
    ...['--resume', checkpoint],
  ];
  return ['npm start --', ...options.map(quote)].join(' ');
}

/** The commands that serve a training. */
export function serveCommands({ checkpoint }: Options): string {
  // The server runs in a folder of its own.
  const options = checkpoint === CHECKPOINT ? '' : ` -- --checkpoint ${quote(resolve(checkpoint))}`;
  return ['  npm ci --prefix examples/serving', `  npm start --prefix examples/serving${options}`].join('\n');
}

/** As a shell reads it as one word. */
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
        checkpoint: { type: 'string' },
        resume: { type: 'string' },
        report: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    // The first line says what is wrong, further ones give advice for odd cases.
    const [problem] = (cause as Error).message.split('\n');
    throw new UsageError(problem, { cause });
  }
}

function readName(option: string, expected: string, text: string | undefined): string | undefined {
  if (text === '') throw new UsageError(`Expected ${expected} for ${option} but received ""`);
  return text;
}

function readInteger(
  option: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`Expected an integer from ${least} to ${most} for ${option} but received "${text}"`);
  }
  return value;
}
