import type { Output } from './output.js';
import type { TrainingProgress } from './train.js';

// The messages between the threads of `npm start -- --workers N`.

/** Name of the `BroadcastChannel` on which the main thread passes on Ctrl-C. */
export const interruptionChannel = `digits-${process.pid}`;

/** A message of a worker: a call of its output, or at the end its exit code. */
export type WorkerMessage = OutputMessage | { readonly exitCode: number };

/** A call of an `Output` as a message between threads. */
type OutputMessage =
  | { readonly log: string }
  | { readonly error: string }
  | { readonly step: TrainingProgress }
  | { readonly end: true };

/** The terminal of another thread, because that of a worker has neither a width nor an order between its two streams. */
export function remote(send: (message: OutputMessage) => void): Output {
  return {
    log: (text) => {
      send({ log: text });
    },
    error: (text) => {
      send({ error: text });
    },
    display: {
      step: (progress) => {
        send({ step: progress });
      },
      end: () => {
        send({ end: true });
      },
    },
  };
}

/** Writes what a `remote` output sent. */
export function receive(output: Output, message: OutputMessage): void {
  if ('log' in message) output.log(message.log);
  else if ('error' in message) output.error(message.error);
  else if ('step' in message) output.display.step(message.step);
  else output.display.end();
}
