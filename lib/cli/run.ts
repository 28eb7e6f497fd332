import { isNativeError, isRangeError } from '../validation/realm.js';
import { UsageError } from './arguments.js';
import { bench } from './bench.js';
import { type Command, EXIT_FAILURE, EXIT_SUCCESS, EXIT_USAGE, type Output } from './command.js';
import { convert } from './convert.js';
import { info } from './info.js';
import { inspect } from './inspect.js';
import { version } from './version.js';

const commands = new Map<string, Command>(Object.entries({ info, bench, inspect, convert }));

const help = `Usage: npx batchnorm <command> [options]

Commands:
${[...commands].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`).join('\n')}

Options:
  --help      print this help, or the help of a command
  --version   print the version

Examples:
  npx batchnorm info
  npx batchnorm bench --help
  npx batchnorm inspect weights.npz

Exit codes: 0 success, 1 failure, 2 wrong usage.
`;

/** Runs the program with these arguments and returns its exit code. */
export async function run(args: readonly string[], output: Output): Promise<number> {
  const [first, ...rest] = args;
  try {
    switch (first) {
      case undefined:
        output.printError(help);
        return EXIT_USAGE;
      case '--help':
      case '-h':
        output.print(help);
        return EXIT_SUCCESS;
      case 'help':
        output.print(rest.length === 0 ? help : find(rest[0]).help);
        return EXIT_SUCCESS;
      case '--version':
      case '-v':
        output.print(`${version}\n`);
        return EXIT_SUCCESS;
      default:
        return await runCommand(find(first), rest, output);
    }
  } catch (error) {
    if (error instanceof UsageError) {
      const place = commands.has(first) ? `${first} ` : '';
      output.printError(`batchnorm: ${error.message}\nTry: npx batchnorm ${place}--help\n`);
      return EXIT_USAGE;
    }
    output.printError(`batchnorm: ${describe(error)}\n`);
    return EXIT_FAILURE;
  }
}

function runCommand(command: Command, args: readonly string[], output: Output): Promise<number> | number {
  if (args.includes('--help') || args.includes('-h')) {
    output.print(command.help);
    return EXIT_SUCCESS;
  }
  return command.run(args, output);
}

function find(name: string): Command {
  const command = commands.get(name);
  if (command !== undefined) return command;
  const names = [...commands.keys()].join(', ');
  throw new UsageError(`Expected one of ${names} for the command but received ${JSON.stringify(name)}`);
}

/** An error that the user can act on is one sentence; an error that must be our bug keeps its stack. */
function describe(error: unknown): string {
  if (!isNativeError(error)) return String(error);
  const expected = error.name === 'FileFormatError' || isRangeError(error) || 'code' in error;
  return expected ? error.message : (error.stack ?? error.message);
}
