import type { CallArrays, Engine, Lanes, Outcome } from './engine.js';
import { operationOf } from './operation.js';
import { isPlace, memories, type Program, type Step } from './program.js';

/** How long calls may keep the event loop waiting before they yield, except during one operation. */
const sliceMilliseconds = 2;

/** The engine of backends without plans of their own. */
export const scriptEngine: Engine<Program> = {
  prepare: (program) => program,
  run(program, arena, arrays) {
    for (const step of program.steps) runStep(step, program, arena, arrays);
  },
  openLanes: (arenas) => new ScriptLanes(arenas),
};

function runStep(
  { operation, args }: Step,
  { constants }: Program,
  arena: Float32Array,
  { input, output }: CallArrays,
): void {
  const arrays = [arena, input, output];
  const values = args.map((argument) => {
    if (!isPlace(argument)) return argument;
    const { memory, offset, length } = argument;
    const array = arrays.at(memory) ?? constants[memory - memories.constants];
    return offset === 0 && length === array.length ? array : array.subarray(offset, offset + length);
  });
  operationOf(operation)(...values);
}

interface Job {
  readonly program: Program;
  readonly arrays: CallArrays;
  readonly done: (outcome: Outcome) => void;
  next: number;
  stopped: boolean;
}

/** Lanes on the thread of the event loop, which runs between operations. */
class ScriptLanes implements Lanes<Program> {
  readonly #idle: Float32Array[];
  readonly #waiting: Job[] = [];

  constructor(arenas: readonly Float32Array[]) {
    this.#idle = [...arenas];
  }

  start(program: Program, arrays: CallArrays, done: (outcome: Outcome) => void): () => void {
    const job: Job = { program, arrays, done, next: 0, stopped: false };
    this.#waiting.push(job);
    const arena = this.#idle.pop();
    if (arena !== undefined) this.#continueWith(arena);
    return () => {
      job.stopped = true;
      const place = this.#waiting.indexOf(job);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      queueMicrotask(() => {
        done({ kind: 'stopped' });
      });
    };
  }

  #continueWith(arena: Float32Array): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(arena);
    else setImmediate(() => this.#slice(job, arena));
  }

  #slice(job: Job, arena: Float32Array): void {
    const outcome = advance(job, arena);
    if (outcome === undefined) {
      setImmediate(() => this.#slice(job, arena));
    } else {
      this.#continueWith(arena);
      job.done(outcome);
    }
  }
}

/** Runs operations for the length of a slice. Undefined if there are more. */
function advance(job: Job, arena: Float32Array): Outcome | undefined {
  const { program, arrays } = job;
  const end = performance.now() + sliceMilliseconds;
  try {
    for (; job.next < program.steps.length; job.next++) {
      if (job.stopped) return { kind: 'stopped' };
      if (performance.now() > end) return undefined;
      runStep(program.steps[job.next], program, arena, arrays);
    }
  } catch (error) {
    return { kind: 'failed', error };
  }
  return { kind: 'done' };
}
