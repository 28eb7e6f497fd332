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
import { type Options, resumeCommand, serveCommands } from './options.js';
import type { Output } from './output.js';
import { type Outcome, type State, writePage } from './page.js';
import { predict } from './predict.js';
import { duration } from './progress.js';
import { randomStream } from './random.js';
import type { Ranks } from './ranks.js';
import { renderDigits } from './rendered-digits.js';
import { report, type Result } from './report.js';
import { normsOf } from './statistics.js';

const EXIT_FAILURE = 1;
/** The exit code that a shell reports for a program ended by Ctrl-C. */
const EXIT_INTERRUPTED = 130;
const TIMED_IMAGES = 64;

/** Trains, and writes to the terminal and to files on the first rank. @returns The exit code. */
export async function run(options: Options, ranks: Ranks, output: Output): Promise<number> {
  try {
    await trainAll(options, ranks, output);
    return 0;
  } catch (error) {
    return explain(error, output);
  }
}

async function trainAll(options: Options, ranks: Ranks, output: Output): Promise<void> {
  await requireFolder('--checkpoint', options.checkpoint);
  await requireFolder('--report', options.report);
  const start = performance.now();
  const facts = [describeBackend(ranks)];
  output.log(facts[0]);
  const digits = await load(options);
  facts.push(...describeDigits(digits, options));
  output.log(facts.slice(1).join('\n'));

  const { epochs, seed } = options;
  const contestants = [
    new Contestant(true, { digits, epochs, seed, ranks }),
    new Contestant(false, { digits, epochs, seed, ranks }),
  ] as const;
  const training = checkpointOf(contestants, { epochs, seed, images: digits.training });
  if (options.resume !== undefined) await resume(options.resume, training);
  const writeReport = async (outcome: Outcome | State) => {
    if (!ranks.isFirst) return;
    await writeFile(
      options.report,
      writePage({ facts, networks: contestants, norms: normsOf(contestants[0].network), outcome }),
    );
  };
  await compete(contestants, { training, options, ranks, output, writeReport });
  if (!ranks.isFirst) return ranks.together();

  const results = contestants.map((contestant) => resultOf(contestant, digits));
  output.log(`\n${report(results, digits.test)}`);
  const [{ predicted: withNorm }, { predicted: without }] = results;
  await writeReport({
    predicted: [withNorm, without],
    test: digits.test,
    ...timesOf(contestants[0], digits, seed),
  });
  const seconds = (performance.now() - start) / 1000;
  output.log(`\n${options.report}: learning curves, confusions, misread digits, time per layer`);
  output.log(`${options.checkpoint}: the training; as a weights file, the network with batch norm`);
  output.log(`${duration(seconds)} in total`);
  output.log(`\nServe it:\n${serveCommands(options)}`);
  await ranks.together();
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

function describeBackend({ size }: Ranks): string {
  const { name, isa, threads, reason } = backend;
  const because = reason === undefined ? '' : `\n${reason}`;
  // Without a hint, a training run that takes a minute natively would seem to hang.
  const advice = name === 'portable' ? '\nIt is about 60 times slower: try --images 500' : '';
  const count = `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const each = size === 1 ? '' : ` on each of ${size} ranks`;
  return `batchnorm: ${name} backend, ${isa}, ${count}${each}${because}${advice}`;
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
  readonly ranks: Ranks;
  readonly output: Output;
  readonly writeReport: (state: State) => Promise<void>;
}

/**
 * Trains both networks from their current state, with a report after each epoch. At Ctrl-C, saves and prints the command
 * that resumes.
 */
async function compete(contestants: readonly Contestant[], competition: Competition): Promise<void> {
  const { training, options, ranks, output, writeReport } = competition;
  const { interruption } = ranks;
  const interrupt = () => {
    interruption.abort();
  };
  // Only once: a second Ctrl-C ends the program immediately.
  process.once('SIGINT', interrupt);
  try {
    for (const contestant of contestants) {
      await trainOne(contestant, competition, interruption.signal);
    }
    // A training run that was already complete may have a new file name now.
    if (ranks.isFirst) await saveCheckpoint(options.checkpoint, training);
  } catch (error) {
    if (error !== interruption.signal.reason) throw error;
    if (ranks.isFirst) await saveCheckpoint(options.checkpoint, training);
    await writeReport({ message: `Interrupted. Resume with ${resumeCommand(options)}`, running: false });
    output.error(`Interrupted. Saved ${options.checkpoint} and ${options.report}; resume with:`);
    output.error(`  ${resumeCommand(options)}`);
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function trainOne(
  contestant: Contestant,
  { training, options: { checkpoint }, ranks, output, writeReport }: Competition,
  signal: AbortSignal,
): Promise<void> {
  const { name, run } = contestant;
  output.log(`\nTraining ${name}`);
  while (!contestant.tried) {
    await contestant.tryNext(signal);
    const [rate, accuracy, loss] = contestant.trials.rows.at(-1) ?? [];
    const outcome = `loss ${loss.toFixed(3)}  accuracy ${percent(accuracy, 1)}`;
    output.log(`  lr ${rate.toFixed(2)} tried: validation ${outcome}`);
  }
  const { learningRate } = contestant;
  output.log(`  best: lr ${learningRate.toFixed(2)}`);
  const { display } = output;
  while (!run.done) {
    try {
      await run.trainEpoch(learningRate, signal, (progress) => display.step(progress));
    } finally {
      display.end();
    }
    contestant.validate();
    const [, loss, accuracy] = contestant.validation.rows.at(-1) ?? [];
    output.log(`  validation: loss ${loss.toFixed(3)}  accuracy ${percent(accuracy, 2)}`);
    if (ranks.isFirst) await saveCheckpoint(checkpoint, training);
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
function explain(error: unknown, output: Output): number {
  if (error instanceof DataError || error instanceof FileFormatError) {
    output.error(error.message);
    return EXIT_FAILURE;
  }
  if (error instanceof Error && error.name === 'AbortError') return EXIT_INTERRUPTED;
  throw error;
}
