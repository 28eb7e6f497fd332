import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Leaving, MemberData } from './member.js';

/** Workers that train side by side. */
export class Crew {
  readonly #members: readonly { readonly worker: Worker; readonly left: Promise<number> }[];
  /** The exit code or error of a worker that left before its first step. */
  #failed: unknown;
  readonly #inside: Int32Array;
  readonly #done: Int32Array;

  /** Starts one worker for each way of leaving. */
  constructor(leavings: readonly Leaving[], stepsOf: (index: number) => number) {
    const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * leavings.length));
    this.#inside = shared();
    this.#done = shared();
    this.#members = leavings.map((leaving, index) => {
      const workerData: MemberData = {
        ...{ index, leaving, steps: stepsOf(index) },
        ...{ inside: this.#inside, done: this.#done },
      };
      const worker = new Worker(new URL('./member.js', import.meta.url), { workerData });
      // An error is how some of them leave; it shows in the exit code.
      worker.on('error', (error) => {
        if (Atomics.load(this.#done, index) === 0) this.#failed = error;
      });
      const left = new Promise<number>((resolve) => worker.on('exit', resolve));
      return { worker, left };
    });
  }

  /** Waits until every worker has made a step. */
  async trains(): Promise<void> {
    while (this.#done.some((_, index) => Atomics.load(this.#done, index) === 0)) {
      await setImmediate();
      if (this.#failed !== undefined) throw this.#failed as Error;
    }
  }

  /** Blocks the event loop until this worker is inside a call. */
  catchInside(index: number): void {
    while (Atomics.load(this.#inside, index) === 0);
  }

  /** Ends a worker in the middle of a call. */
  terminate(index: number): void {
    this.catchInside(index);
    void this.#members[index].worker.terminate();
  }

  /** The exit codes, once all have left. */
  left(): Promise<number[]> {
    return Promise.all(this.#members.map(({ left }) => left));
  }
}
