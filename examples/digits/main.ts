import { access, constants, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  backend,
  DataLoader,
  FileFormatError,
  loadCheckpoint,
  saveCheckpoint,
  type Training,
} from 'batchnorm';
import { checkpointOf } from './checkpoint.js';
import { Contestant } from './contestant.js';
import { DataError } from './data-error.js';
import { datasetOf, type Digits } from './dataset.js';
import { integer, percent } from './format.js';
import { readDigits } from './idx-digits.js';
import { timeLayers } from './layer-times.js';
import { makeNormalized } from './model.js';
import { type Options, parseOptions, resumeCommand, serveCommands, usage, UsageError } from './options.js';
import { type Outcome, type State, writePage } from './page.js';
import { predict } from './predict.js';
import { duration, showProgress } from './progress.js';
import { randomStream } from './random.js';
import { renderDigits } from './rendered-digits.js';
import { report, type Result } from './report.js';
import { normsOf } from './statistics.js';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** The exit code that a shell reports for a program ended by Ctrl-C. */
const EXIT_INTERRUPTED = 130;
const TIMED_IMAGES = 64;

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
  await requireFolder('--checkpoint', options.checkpoint);
  await requireFolder('--report', options.report);
  const start = performance.now();
  const facts = [describeBackend()];
  console.log(facts[0]);
  const digits = await load(options);
  facts.push(...describeDigits(digits, options));
  console.log(facts.slice(1).join('\n'));

  const { epochs, seed } = options;
  const contestants = [
    new Contestant(true, { digits, epochs, seed }),
    new Contestant(false, { digits, epochs, seed }),
  ] as const;
  const training = checkpointOf(contestants, { epochs, seed, images: digits.training });
  if (options.resume !== undefined) await resume(options.resume, training);
  const writeReport = (outcome: Outcome | State) =>
    writeFile(
      options.report,
      writePage({ facts, networks: contestants, norms: normsOf(contestants[0].network), outcome }),
    );
  await compete(contestants, { training, options, writeReport });

  const results = contestants.map((contestant) => resultOf(contestant, digits));
  console.log(`\n${report(results, digits.test)}`);
  const [{ predicted: withNorm }, { predicted: without }] = results;
  await writeReport({
    predicted: [withNorm, without],
    test: digits.test,
    ...timesOf(contestants[0], digits, seed),
  });
  const seconds = (performance.now() - start) / 1000;
  console.log(`\n${options.report}: learning curves, confusions, misread digits, time per layer`);
  console.log(`${options.checkpoint}: the training; as a weights file, the network with batch norm`);
  console.log(`${duration(seconds)} in total`);
  console.log(`\nServe it:\n${serveCommands(options)}`);
}

/** Checks the output folders now instead of after minutes of training. */
async function requireFolder(option: string, file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'an error';
    throw new DataError(`Expected a folder to write to for ${option} but found ${reason} at ${folder}`, {
      cause,
    });
  }
}

function describeBackend(): string {
  const { name, isa, threads, reason } = backend;
  const because = reason === undefined ? '' : `\n${reason}`;
  // Without a hint, a training that takes a minute natively would seem to hang.
  const advice = name === 'portable' ? '\nIt is about 60 times slower: try --images 500' : '';
  const count = `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `batchnorm: ${name} backend, ${isa}, ${count}${because}${advice}`;
}

async function load({ data, images, seed }: Options): Promise<Digits> {
  return data === undefined
    ? renderDigits(seed, images)
    : await readDigits(data, images, randomStream(seed, 'validation'));
}

function describeDigits(digits: Digits, { epochs, seed }: Options): string[] {
  const { source, training, validation, test } = digits;
  const counts = `${integer(training.count)} to train with, ${integer(validation.count)} to validate`;
  return [
    `${source}: ${counts}, ${integer(test.count)} to test`,
    `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} for each network, seed ${seed}`,
  ];
}

async function resume(file: string, training: Training): Promise<void> {
  try {
    await loadCheckpoint(file, training);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new DataError(`Expected a checkpoint at ${file} but found none`, { cause });
  }
}

interface Competition {
  readonly training: Training;
  readonly options: Options;
  readonly writeReport: (state: State) => Promise<void>;
}

/**
 * Trains both networks from their current state, with a report after each epoch. At Ctrl-C, saves and prints the command
 * that resumes.
 */
async function compete(contestants: readonly Contestant[], competition: Competition): Promise<void> {
  const { training, options, writeReport } = competition;
  const interruption = new AbortController();
  const interrupt = () => {
    interruption.abort();
  };
  // Only once: a second Ctrl-C ends the program immediately.
  process.once('SIGINT', interrupt);
  try {
    for (const contestant of contestants) {
      await trainOne(contestant, competition, interruption.signal);
    }
    // A training that was already complete may have a new file name now.
    await saveCheckpoint(options.checkpoint, training);
  } catch (error) {
    if (error !== interruption.signal.reason) throw error;
    await saveCheckpoint(options.checkpoint, training);
    await writeReport({ message: `Interrupted. Resume with ${resumeCommand(options)}`, running: false });
    console.error(`Interrupted. Saved ${options.checkpoint} and ${options.report}; resume with:`);
    console.error(`  ${resumeCommand(options)}`);
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function trainOne(
  contestant: Contestant,
  { training, options: { checkpoint }, writeReport }: Competition,
  signal: AbortSignal,
): Promise<void> {
  const { name, run } = contestant;
  console.log(`\nTraining ${name}`);
  while (!contestant.tried) {
    await contestant.tryNext(signal);
    const [rate, accuracy, loss] = contestant.trials.rows.at(-1) ?? [];
    const outcome = `loss ${loss.toFixed(3)}  accuracy ${percent(accuracy, 1)}`;
    console.log(`  lr ${rate.toFixed(2)} tried: validation ${outcome}`);
  }
  const { learningRate } = contestant;
  console.log(`  best: lr ${learningRate.toFixed(2)}`);
  const display = showProgress(process.stdout);
  while (!run.done) {
    try {
      await run.trainEpoch(learningRate, signal, (progress) => display.step(progress));
    } finally {
      display.end();
    }
    contestant.validate();
    const [, loss, accuracy] = contestant.validation.rows.at(-1) ?? [];
    console.log(`  validation: loss ${loss.toFixed(3)}  accuracy ${percent(accuracy, 2)}`);
    await saveCheckpoint(checkpoint, training);
    const epoch = run.stepsDone / run.stepsPerEpoch;
    const message = `Training ${name}: ${epoch} of ${run.epochs} epochs are complete.`;
    await writeReport({ message, running: true });
  }
}

function resultOf(contestant: Contestant, { test }: Digits): Result {
  const predicted = predict(contestant.network, test, contestant.brightness).classes;
  return { contestant, predicted };
}

function timesOf({ brightness }: Contestant, { training }: Digits, seed: number) {
  const timedImages = Math.min(TIMED_IMAGES, training.count);
  const [batch] = new DataLoader(datasetOf(training, brightness), { batchSize: timedImages });
  // A separate network, because timing trains it.
  return { times: timeLayers(makeNormalized(randomStream(seed, 'weights')), batch.x), timedImages };
}

/** Reports the error to the user; returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage}`);
    return EXIT_USAGE;
  }
  if (error instanceof DataError || error instanceof FileFormatError) {
    console.error(error.message);
    return EXIT_FAILURE;
  }
  if (error instanceof Error && error.name === 'AbortError') return EXIT_INTERRUPTED;
  console.error(error);
  return EXIT_FAILURE;
}
