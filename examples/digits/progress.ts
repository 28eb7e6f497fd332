import cliProgress from 'cli-progress';
import { integer, percent } from './format.js';
import type { TrainingProgress } from './train.js';

/** Shows one training run after the other. */
export interface ProgressDisplay {
  begin(title: string): void;
  step(progress: TrainingProgress): void;
  /** Also after a run that was broken off. */
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
      format: '  {title}  {bar}  loss {loss}  accuracy {accuracy}  {speed} images/s',
      barsize: 20,
      hideCursor: true,
    },
    cliProgress.Presets.shades_classic,
  );
  return {
    begin(title) {
      bar.start(1, 0, { title, loss: '-', accuracy: '-', speed: '-' });
    },
    step(progress) {
      const { epoch, epochs, step, stepsPerEpoch } = progress;
      bar.update((epoch - 1 + step / stepsPerEpoch) / epochs, describe(progress));
    },
    end() {
      bar.stop();
    },
  };
}

export function progressLines(output: Pick<NodeJS.WritableStream, 'write'>): ProgressDisplay {
  let title = '';
  return {
    begin(newTitle) {
      title = newTitle;
    },
    step(progress) {
      const { epoch, epochs, step, stepsPerEpoch } = progress;
      if (step < stepsPerEpoch) return;
      const { loss, accuracy, speed } = describe(progress);
      output.write(
        `  ${title}  epoch ${epoch}/${epochs}  loss ${loss}  accuracy ${accuracy}  ${speed} images/s\n`,
      );
    },
    end() {
      // every line is complete
    },
  };
}

function describe(progress: TrainingProgress): { loss: string; accuracy: string; speed: string } {
  return {
    loss: progress.loss.toFixed(3),
    accuracy: percent(progress.accuracy, 1),
    speed: integer(progress.imagesPerSecond),
  };
}
