/** The output streams of a command. */
export interface Output {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

/** A command such as `batchnorm info`. */
export interface Command {
  /** Description in the list of commands. */
  readonly summary: string;
  /** Text that `--help` prints. */
  readonly help: string;
  /** Runs the command and returns the exit code. */
  readonly run: (args: readonly string[], output: Output) => Promise<number>;
}

export const EXIT_SUCCESS = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
