import { type ProgressDisplay, showProgress } from './progress.js';

/** Where a rank writes to. */
export interface Output {
  log(text: string): void;
  error(text: string): void;
  readonly display: ProgressDisplay;
}

/** The terminal of this process. */
export function terminal(): Output {
  return {
    log: (text) => {
      console.log(text);
    },
    error: (text) => {
      console.error(text);
    },
    display: showProgress(process.stdout),
  };
}

/** The output of the ranks after the first, which would repeat its lines. */
export function silent(): Output {
  const nothing = () => undefined;
  return { log: nothing, error: nothing, display: { step: nothing, end: nothing } };
}
