import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { node } from '../../support/node-process.js';

/** The commands of the launchers in Debian's packages openmpi-bin and mpich. */
export const launchers = {
  'Open MPI': { command: ['mpirun.openmpi', '--oversubscribe', '--bind-to', 'none', '-n'] },
  MPICH: { command: ['mpiexec.mpich', '-n'] },
} as const;

export type LauncherName = keyof typeof launchers;

export const launcherNames = Object.keys(launchers) as LauncherName[];

/** How a launched program ended. */
export interface Ending {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface LaunchOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Called for each piece of output, with the launcher's process id. */
  readonly onOutput?: (text: string, pid: number) => void;
  /** Seconds after which everything is killed and the promise rejects. */
  readonly limit?: number;
}

/** Runs programs of this folder. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Runs a program with a number of ranks. */
export function launch(
  launcher: LauncherName,
  size: number,
  program: string,
  args: readonly string[] = [],
  options: LaunchOptions = {},
): Promise<Ending> {
  const command = [...launchers[launcher].command, String(size), node.file, ...node.args(program, ...args)];
  return runCommand(command, options);
}

/** Runs a command in a process group of its own, none of which outlives it. */
export function runCommand(command: readonly string[], options: LaunchOptions = {}): Promise<Ending> {
  const { environment, onOutput, limit = 60 } = options;
  const [file = '', ...args] = command;
  const begin = performance.now();
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      OMPI_ALLOW_RUN_AS_ROOT: '1',
      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
      ...environment,
    },
  });
  const pid = child.pid ?? 0;
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      onOutput?.(text, pid);
    });
  }
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      killGroup(pid);
      reject(
        new Error(`${command.join(' ')} runs for more than ${limit} s\n${output.stdout}${output.stderr}`),
      );
    }, limit * 1000);
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      killGroup(pid);
      resolve({ status, ...output, seconds: (performance.now() - begin) / 1000 });
    });
  });
}

/** Ends what is left of a process group that runCommand started. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
