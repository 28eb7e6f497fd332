import { orDefault, requireBoolean } from '../validation/errors.js';
import type { Scores } from './scores.js';

/** Where `fit` shows its progress. */
export interface Progress {
  /** @param steps Number of steps in an epoch, if it is known. */
  step(position: string, step: number, steps: number | undefined, scores: Scores<string>): void;
  /** @param line The scores of an epoch. */
  epoch(line: string): void;
  /** The end of the training, possibly by an error. */
  end(): void;
}

/** The part of a terminal or a file that progress is written to. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function readProgress(progress: unknown): Progress | undefined {
  if (typeof progress === 'function') return linesTo(progress as (line: string) => void);
  if (!requireBoolean('progress', orDefault(progress, false))) return undefined;
  const { stderr } = process;
  return stderr.isTTY ? new ProgressBar(stderr) : linesTo((line) => void stderr.write(`${line}\n`));
}

function linesTo(write: (line: string) => void): Progress {
  return { step: () => undefined, epoch: write, end: () => undefined };
}

/** Milliseconds from one drawing to the next. Drawing takes longer than a small step. */
const interval = 100;
/** Characters of the bar. */
const width = 24;

/** A line on a terminal that is drawn again and again, and replaced by the scores at the end of each epoch. */
export class ProgressBar implements Progress {
  #drawnAt = -Infinity;
  #isDrawn = false;

  constructor(
    private readonly stream: ProgressStream,
    private readonly now: () => number = () => performance.now(),
  ) {}

  step(position: string, step: number, steps: number | undefined, scores: Scores<string>): void {
    const time = this.now();
    if (time - this.#drawnAt < interval) return;
    this.#drawnAt = time;
    const text = `${position} ${barText(step, steps)}, ${scoresText(scores)}`;
    // A line that wraps could not be drawn again.
    const shown = text.slice(0, Math.max(1, (this.stream.columns ?? 80) - 1));
    this.stream.write(`\r${shown}\x1b[K`);
    this.#isDrawn = true;
  }

  epoch(line: string): void {
    this.#clear();
    this.stream.write(`${line}\n`);
  }

  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#isDrawn) this.stream.write('\r\x1b[K');
    this.#isDrawn = false;
    this.#drawnAt = -Infinity;
  }
}

/** For example `[=========>              ] 24/60`; only the step if their number is not known. */
function barText(step: number, steps: number | undefined): string {
  if (steps === undefined) return `step ${step}`;
  const done = Math.min(width, Math.floor((width * step) / steps));
  const bar = done === width ? '='.repeat(width) : `${'='.repeat(done)}>`.padEnd(width);
  return `[${bar}] ${step}/${steps}`;
}

/** For example `loss 0.3142, accuracy 0.9013`. */
function scoresText(scores: Scores<string>): string {
  return Object.entries(scores)
    .map(([name, score]) => `${name} ${Number(score.toPrecision(4))}`)
    .join(', ');
}

/** The scores of an epoch of training and, with validation, of the validation after it. */
interface EpochScores {
  readonly epoch: number;
  readonly train: Scores<string>;
  readonly validation: Scores<string> | undefined;
}

/** For example `epoch 2/10: loss 0.3142, accuracy 0.9013; validation loss 0.3501, accuracy 0.8967; 12.3 s`. */
export function epochText(
  { epoch, train, validation }: EpochScores,
  epochs: number,
  seconds: number,
): string {
  const validated = validation === undefined ? '' : `; validation ${scoresText(validation)}`;
  return `epoch ${epoch}/${epochs}: ${scoresText(train)}${validated}; ${seconds.toFixed(1)} s`;
}
