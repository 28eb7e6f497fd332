import { backend, FileFormatError } from 'batchnorm';
import { Batcher } from './batches.js';
import { DataError } from './data-error.js';
import type { Digits } from './dataset.js';
import { integer } from './format.js';
import { readDigits } from './idx-digits.js';
import { bestOf, tryLearningRates } from './learning-rates.js';
import { type Options, parseOptions, usage, UsageError } from './options.js';
import { predict } from './predict.js';
import { showProgress } from './progress.js';
import { randomStream } from './random.js';
import { renderDigits } from './rendered-digits.js';
import { report, type Result } from './report.js';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** What a shell reports of a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.exitCode = explain(error);
}

async function main(options: Options): Promise<void> {
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const start = performance.now();
  console.log(describeBackend());
  const digits = await load(options);
  console.log(describeDigits(digits, options));

  const interruption = new AbortController();
  process.once('SIGINT', () => {
    interruption.abort();
  });
  const results = await compare(digits, options, interruption.signal);
  console.log(`\n${report(results, digits.test, digits.validation.count)}`);
  console.log(`\n${((performance.now() - start) / 1000).toFixed(1)} s in all`);
}

function describeBackend(): string {
  const { name, isa, threads, reason } = backend;
  const because = reason === undefined ? '' : `\n${reason}`;
  // Without a hint, what takes half a minute natively looks as if it hung.
  const advice = name === 'portable' ? '\nIt is some 20 times slower: try --images 2000' : '';
  const count = `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `batchnorm: ${name} backend, ${isa}, ${count}${because}${advice}`;
}

async function load({ data, images, seed }: Options): Promise<Digits> {
  return data === undefined
    ? renderDigits(seed, images)
    : await readDigits(data, images, randomStream(seed, 'validation'));
}

function describeDigits(digits: Digits, { epochs, seed }: Options): string {
  const { source, training, validation, test } = digits;
  return (
    `${source}: ${integer(training.count)} to train with, ${integer(validation.count)} to validate, ` +
    `${integer(test.count)} to test\n${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} for each network, seed ${seed}`
  );
}

async function compare(digits: Digits, options: Options, signal: AbortSignal): Promise<Result[]> {
  const batcher = new Batcher(digits.training);
  const display = showProgress(process.stdout);
  const results: Result[] = [];
  for (const withBatchNorm of [true, false]) {
    const name = withBatchNorm ? 'with batch norm' : 'without batch norm';
    console.log(`\nTraining ${name}`);
    const trials = await tryLearningRates(withBatchNorm, digits, batcher, {
      ...options,
      signal,
      display,
    });
    results.push({
      name,
      trials,
      predicted: predict(bestOf(trials).network, digits.test, batcher),
    });
  }
  return results;
}

/** Tells the user what happened; gives the exit code. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage}`);
    return EXIT_USAGE;
  }
  if (error instanceof DataError || error instanceof FileFormatError) {
    console.error(error.message);
    return EXIT_FAILURE;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    console.error('Interrupted.');
    return EXIT_INTERRUPTED;
  }
  console.error(error);
  return EXIT_FAILURE;
}
