import { connect, spawnWorkers } from 'batchnorm/distributed';
import { silent, terminal } from './output.js';
import { type Options, parseOptions, usage, UsageError } from './options.js';
import { Ranks } from './ranks.js';
import { run } from './run.js';
import { interruptionChannel, receive, type WorkerMessage } from './worker-messages.js';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.exitCode = explain(error);
}

async function main(options: Options): Promise<number> {
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (options.workers > 1) return runWorkers(options);
  // Started by mpirun or srun, this process is one rank of several; otherwise it is alone.
  const ranks = new Ranks(await connect());
  return run(options, ranks, ranks.isFirst ? terminal() : silent());
}

/** Trains with several worker threads. Ctrl-C interrupts all of them together. */
async function runWorkers(options: Options): Promise<number> {
  const output = terminal();
  const channel = new BroadcastChannel(interruptionChannel);
  const interrupt = () => {
    channel.postMessage('interrupt');
  };
  process.once('SIGINT', interrupt);
  let exitCode = 0;
  try {
    await spawnWorkers(options.workers, new URL('worker.js', import.meta.url), {
      workerData: options,
      onMessage(message) {
        const received = message as WorkerMessage;
        if ('exitCode' in received) exitCode = Math.max(exitCode, received.exitCode);
        else receive(output, received);
      },
    });
    return exitCode;
  } finally {
    output.display.end();
    process.off('SIGINT', interrupt);
    channel.close();
  }
}

/** Reports the error to the user; returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage}`);
    return EXIT_USAGE;
  }
  console.error(error);
  return EXIT_FAILURE;
}
