import { parseArgs } from 'node:util';

export interface Options {
  /** Directory of IDX files; without it, digits are rendered. */
  readonly data: string | undefined;
  readonly epochs: number;
  readonly images: number;
  readonly seed: number;
  readonly help: boolean;
}

export const usage = `Usage: npm start -- [options]

Trains a digit classifier with batch norm and the same one without.

  --data DIR    train on MNIST-format IDX files, plain or gzipped, instead of rendered digits
  --epochs N    passes over the training images for each training run (default: 2)
  --images N    training images at most (default: 24000 rendered ones, or all in DIR)
  --seed N      decides everything that is left to chance (default: 1)
  --help        print this
`;

const RENDERED_IMAGES = 24_000;

/** What the user typed that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError naming the option, what was expected and what came. */
export function parseOptions(args: readonly string[]): Options {
  const { data, epochs, images, seed, help } = readArguments(args);
  if (data === '') throw new UsageError('Expected a directory for --data but received ""');
  return {
    data,
    epochs: readInteger('--epochs', epochs, 1, 1_000) ?? 2,
    images:
      readInteger('--images', images, 10, 1_000_000) ??
      (data === undefined ? RENDERED_IMAGES : Infinity),
    seed: readInteger('--seed', seed, 0, 2 ** 32 - 1) ?? 1,
    help: help ?? false,
  };
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
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    // The first line says what is wrong, further ones give advice for odd cases.
    const [problem] = (cause as Error).message.split('\n');
    throw new UsageError(problem, { cause });
  }
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
    throw new UsageError(
      `Expected an integer from ${least} to ${most} for ${option} but received "${text}"`,
    );
  }
  return value;
}
