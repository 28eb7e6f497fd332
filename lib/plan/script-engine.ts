import { backend } from '../backend/index.js';
import { Storage } from '../core/storage.js';
import type { CallMemory, Engine, Lanes, Outcome, Values } from './engine.js';
import { operationOf } from './operation.js';
import { isPlace, memories, type Step } from './program.js';

/** How long calls may keep the event loop waiting before they yield, except during one operation. */
const sliceMilliseconds = 2;

interface Executable {
  readonly steps: readonly Step[];
  readonly constants: readonly Values[];
}

/** The engine of backends without plans of their own. */
export const scriptEngine: Engine<Executable> = {
  prepare: ({ steps, constants }) => ({ steps, constants: constants.map(whereBackendComputes) }),
  run({ steps, constants }, arena, memory) {
    for (const step of steps) runStep(step, constants, arena, memory);
  },
  openLanes: (arenas) => new ScriptLanes(arenas),
};

/** Constants in the backend's memory, by their arrays, which programs for several batch sizes share. */
const placed = new WeakMap<Float32Array, Values>();

/** A constant where operations read it without copying it. */
function whereBackendComputes(constant: Float32Array): Values {
  if (backend.blocks === undefined) return { values: constant };
  let storage = placed.get(constant);
  if (storage === undefined) {
    storage = Storage.take(constant.length);
    storage.values.set(constant);
    placed.set(constant, storage);
  }
  return storage;
}

function runStep(
  { operation, args }: Step,
  constants: readonly Values[],
  arena: Values,
  { input, output }: CallMemory,
): void {
  const first = [arena, input, output];
  const values = args.map((argument) => {
    if (!isPlace(argument)) return argument;
    const { memory, offset, length } = argument;
    const { values: array } = first.at(memory) ?? constants[memory - memories.constants];
    return offset === 0 && length === array.length ? array : array.subarray(offset, offset + length);
  });
  operationOf(operation)(...values);
}

interface Job {
  readonly executable: Executable;
  readonly memory: CallMemory;
  readonly done: (outcome: Outcome) => void;
  next: number;
  stopped: boolean;
}

/** Lanes on the thread of the event loop, which runs between operations. */
class ScriptLanes implements Lanes<Executable> {
  readonly #idle: Values[];
  readonly #waiting: Job[] = [];

  constructor(arenas: readonly Values[]) {
    this.#idle = [...arenas];
  }

  start(executable: Executable, memory: CallMemory, done: (outcome: Outcome) => void): () => void {
    const job: Job = { executable, memory, done, next: 0, stopped: false };
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

  #continueWith(arena: Values): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(arena);
    else setImmediate(() => this.#slice(job, arena));
  }

  #slice(job: Job, arena: Values): void {
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
function advance(job: Job, arena: Values): Outcome | undefined {
  const { steps, constants } = job.executable;
  const end = performance.now() + sliceMilliseconds;
  try {
    for (; job.next < steps.length; job.next++) {
      if (job.stopped) return { kind: 'stopped' };
      if (performance.now() > end) return undefined;
      runStep(steps[job.next], constants, arena, job.memory);
    }
  } catch (error) {
    return { kind: 'failed', error };
  }
  return { kind: 'done' };
}
