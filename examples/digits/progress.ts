import cliProgress from 'cli-progress';
import { integer, percent } from './format.js';
import type { TrainingProgress } from './train.js';

const USUAL_COLUMNS = 80;
/** Characters. */
const LEAST_BAR = 5;
const MOST_BAR = 20;

/** Shows the progress of successive epochs. */
export interface ProgressDisplay {
  step(progress: TrainingProgress): void;
  /** Also called after an interrupted epoch. */
  end(): void;
}

/** A progress bar on a terminal, otherwise a line for each epoch. */
export function showProgress(output: NodeJS.WriteStream): ProgressDisplay {
  return output.isTTY ? progressBar(output) : progressLines(output);
}

function progressBar(output: NodeJS.WriteStream): ProgressDisplay {
  const bar = new cliProgress.SingleBar(
    {
      stream: output,
      format: (_, { progress }, payload) =>
        // A terminal of unknown width reports 0.
        barLine(payload as ProgressTexts, progress, output.columns || USUAL_COLUMNS),
      hideCursor: true,
    },
    cliProgress.Presets.shades_classic,
  );
  return {
    step(progress) {
      const { step, stepsPerEpoch } = progress;
      if (!bar.isActive) bar.start(stepsPerEpoch, step, describe(progress));
      bar.update(step, describe(progress));
    },
    end() {
      bar.stop();
    },
  };
}

/** The bar and its numbers in one line, with fewer details on narrower terminals. */
export function barLine(texts: ProgressTexts, part: number, columns: number): string {
  const { epoch, loss, accuracy, speed, left } = texts;
  const head = `  epoch ${epoch}  `;
  const layouts = [
    `  loss ${loss}  accuracy ${accuracy}  ${speed} images/s  ${left} left`,
    `  loss ${loss}  ${accuracy}  ${speed}/s  ${left} left`,
    `  loss ${loss}  ${accuracy}  ${left} left`,
  ];
  // Some terminals wrap after the last column.
  const roomBeside = (text: string) => columns - 1 - head.length - text.length;
  const fitting = layouts.find((text) => roomBeside(text) >= LEAST_BAR);
  if (fitting === undefined) return `${head}loss ${loss}  ${accuracy}`.slice(0, columns - 1);
  const size = Math.min(roomBeside(fitting), MOST_BAR);
  const full = Math.round(part * size);
  return head + '█'.repeat(full) + '░'.repeat(size - full) + fitting;
}

export function progressLines(output: Pick<NodeJS.WritableStream, 'write'>): ProgressDisplay {
  return {
    step(progress) {
      if (progress.step < progress.stepsPerEpoch) return;
      const { epoch, loss, accuracy, speed } = describe(progress);
      output.write(`  epoch ${epoch}  loss ${loss}  accuracy ${accuracy}  ${speed} images/s\n`);
    },
    end() {
      // every line is complete
    },
  };
}

export type ProgressTexts = ReturnType<typeof describe>;

function describe(progress: TrainingProgress) {
  return {
    epoch: `${progress.epoch}/${progress.epochs}`,
    loss: progress.loss.toFixed(3),
    accuracy: percent(progress.accuracy, 1),
    speed: integer(progress.imagesPerSecond),
    left: duration(progress.secondsLeft),
  };
}

/** `8 s`, `1 min 20 s` */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}
