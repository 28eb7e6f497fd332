// Runs commands for the other tools.
import { execFile, spawnSync } from 'node:child_process';

/** Runs a command with its output shown; exits with its status if that is not 0. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs a command and shows its output only if it fails. */
export function runQuietly(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (error) throw error;
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
    process.exit(status ?? 1);
  }
}

/** As runQuietly, beside other commands. */
export function runBeside(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024, ...options }, (error, stdout, stderr) => {
      if (error) {
        process.stderr.write(
          `${command} ${args.join(' ')}\n${stdout}${stderr}${error.code === 'ENOENT' ? error : ''}`,
        );
        process.exit(1);
      }
      resolve();
    });
  });
}

/** Whether a command can be started and succeeds. */
export function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** The output of a command. Throws if it fails; with `allowFailure` both outputs are returned instead. */
export function capture(command, args, { allowFailure = false } = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error) throw error;
  if (allowFailure) return stdout + stderr;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}
