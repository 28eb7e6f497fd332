import cliProgress from 'cli-progress';
import { integer, percent } from './format.js';
import type { TrainingProgress } from './train.js';

/** Shows one epoch after the other. */
export interface ProgressDisplay {
  step(progress: TrainingProgress): void;
  /** Also after an epoch that was broken off. */
  end(): void;
}

/** A bar on a terminal; a line for each epoch in a file or a pipe. */
export function showProgress(output: NodeJS.WriteStream): ProgressDisplay {
  return output.isTTY ? progressBar(output) : progressLines(output);
}

function progressBar(output: NodeJS.WriteStream): ProgressDisplay {
  const bar = new cliProgress.SingleBar(
    {
      stream: output,
      format:
        '  epoch {epoch}  {bar}  loss {loss}  accuracy {accuracy}  {speed} images/s  {left} left',
      barsize: 20,
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
