import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { ErrorCode } from '../validation/errors.js';

/** An error in the command line, such as an unknown option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'ERR_BATCHNORM_USAGE' satisfies ErrorCode;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true }>
>;

/**
 * Parses the options and operands of a command.
 * @throws UsageError for an unknown option, and a missing or surplus value.
 */
export function readArguments<const O extends Options>(args: readonly string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // The first line states the problem; further lines give advice for rare cases.
    const [problem] = message.split('\n');
    const [, unknown] = /'(-[^']*)'/.exec(problem) ?? [];
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || unknown === undefined) {
      throw new UsageError(problem, { cause });
    }
    const known = [...Object.keys(options), 'help'].map((name) => `--${name}`).join(', ');
    throw new UsageError(`Expected ${known} but received ${JSON.stringify(unknown)}`, { cause });
  }
}

/** The error for a wrong value of an option. */
export function badValue(option: string, expected: string, received: string): UsageError {
  return new UsageError(`Expected ${expected} for ${option} but received ${JSON.stringify(received)}`);
}

export function refuseOperands(command: string, operands: readonly string[]): void {
  if (operands.length > 0) throw badValue(command, 'options only', operands.join(' '));
}
