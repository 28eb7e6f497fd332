import type { Call } from './call.js';
import type { Transport } from './transport.js';

/** A group of one, in which every result is the value of the only rank. */
export class SingleTransport implements Transport {
  readonly name = 'single';
  readonly rank = 0;
  readonly size = 1;

  run(call: Call): void {
    if (call.result !== call.values) call.result.set(call.values);
  }

  start(call: Call): Promise<void> {
    this.run(call);
    return Promise.resolve();
  }

  release(): void {
    // Holds nothing.
  }

  abort(message: string): never {
    process.stderr.write(`batchnorm: aborted: ${message}\n`);
    process.exit(1);
  }
}
