import { Storage } from '../core/storage.js';
import type { CallMemory, Engine, Lanes, Outcome } from './engine.js';
import type { Program } from './program.js';

/** A program, and the engine that runs it. */
export interface Prepared {
  readonly program: Program;
  readonly engine: Engine<unknown>;
  /** The program in the engine's form. */
  readonly executable: unknown;
}

interface QueuedCall {
  readonly prepared: Prepared;
  readonly memory: CallMemory;
  readonly done: (outcome: Outcome) => void;
  /** Stops the call once it is in the lanes. */
  stop: (() => void) | undefined;
}

/**
 * The calls of a plan, and the arenas in which they compute. One engine computes them in its lanes. The program of another
 * batch size may need another engine or longer arenas, because a model may compute something else for it: such a call and
 * those after it wait until the lanes are idle. Calls therefore start in order, and at most `concurrency` of them compute.
 */
export class CallQueue {
  readonly #concurrency: number;
  readonly #arenas: Storage[];
  #arenaLength: number;
  #lanes: { readonly engine: Engine<unknown>; readonly lanes: Lanes<unknown> } | undefined;
  /** Number of calls in the lanes. */
  #active = 0;
  readonly #waiting: QueuedCall[] = [];

  /** @param arenaLength Length of the arenas until a call needs longer ones, in floats. */
  constructor(concurrency: number, arenaLength: number) {
    this.#concurrency = concurrency;
    this.#arenaLength = arenaLength;
    this.#arenas = [Storage.take(arenaLength)];
  }

  /** The length of each arena, in floats. */
  get arenaLength(): number {
    return this.#arenaLength;
  }

  /** An arena that a program can use until the next call starts; undefined if there is none. */
  idleArena(program: Program): Storage | undefined {
    const isIdle = this.#active === 0 && this.#waiting.length === 0;
    return isIdle && this.#fits(program) ? this.#arenas.at(0) : undefined;
  }

  /**
   * Starts a call as soon as an arena is free.
   * @param done Called once, not before this function returns.
   * @returns A function that stops the call between two operations, or before its first one.
   * @throws RangeError if there is no memory for the arenas; then nothing has started.
   */
  start(prepared: Prepared, memory: CallMemory, done: (outcome: Outcome) => void): () => void {
    const call: QueuedCall = { prepared, memory, done, stop: undefined };
    if (this.#waiting.length === 0 && this.#accepts(prepared)) this.#begin(call);
    else this.#waiting.push(call);
    return () => {
      if (call.stop === undefined) this.#leave(call);
      else call.stop();
    };
  }

  /** Releases the arenas. No call may compute or wait. */
  release(): void {
    this.#lanes = undefined;
    for (const arena of this.#arenas.splice(0)) arena.release();
  }

  /** Whether a call can go to the lanes that are open, or to other ones because those are idle. */
  #accepts({ engine, program }: Prepared): boolean {
    return this.#active === 0 || (this.#lanes?.engine === engine && this.#fits(program));
  }

  #fits({ arena }: Program): boolean {
    return arena.length <= this.#arenaLength;
  }

  #begin(call: QueuedCall): void {
    const { prepared, memory, done } = call;
    call.stop = this.#lanesFor(prepared).start(prepared.executable, memory, (outcome) => {
      this.#active--;
      this.#advance();
      done(outcome);
    });
    this.#active++;
  }

  /** Moves waiting calls to the lanes. */
  #advance(): void {
    for (let call = this.#waiting.at(0); call !== undefined; call = this.#waiting.at(0)) {
      if (!this.#accepts(call.prepared)) return;
      this.#waiting.shift();
      try {
        this.#begin(call);
      } catch (error) {
        call.done({ kind: 'failed', error });
      }
    }
  }

  /** Removes a call that was stopped while it waited. */
  #leave(call: QueuedCall): void {
    const place = this.#waiting.indexOf(call);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    queueMicrotask(() => {
      call.done({ kind: 'stopped' });
    });
    this.#advance();
  }

  /** The open lanes if they suit the program; otherwise others, which replace them. */
  #lanesFor({ engine, program }: Prepared): Lanes<unknown> {
    const fits = this.#fits(program);
    if (fits && this.#lanes?.engine === engine) return this.#lanes.lanes;
    const length = fits ? this.#arenaLength : engine.arenaLength(program);
    if (!fits) this.release();
    try {
      while (this.#arenas.length < this.#concurrency) this.#arenas.push(Storage.take(length));
      const lanes = engine.openLanes([...this.#arenas]);
      this.#lanes = { engine, lanes };
      this.#arenaLength = length;
      return lanes;
    } catch (error) {
      // Arenas of one length only.
      if (!fits) this.release();
      throw error;
    }
  }
}
