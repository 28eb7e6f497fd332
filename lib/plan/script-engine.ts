import { backend } from '../backend/index.js';
import { Storage } from '../core/storage.js';
import type { CallMemory, Engine, Lanes, Outcome, Values } from './engine.js';
import { operationOf } from './operation.js';
import { isPlace, memories, type Program, type Step } from './program.js';

/** How long calls may keep the event loop waiting before they yield, except during one operation. */
const sliceMilliseconds = 2;

/** A step of a part. */
interface PlacedStep extends Step {
  readonly constants: readonly Values[];
  /** Where the part begins in the memories of a call: the arena, the input and the output. */
  readonly begins: readonly [arena: 0, input: number, output: number];
}

type Executable = readonly PlacedStep[];

/** The engine of backends without plans of their own. */
export const scriptEngine: Engine<Executable> = {
  prepare: (program) => placedSteps(program),
  arenaLength: ({ arena }) => arena.length,
  run(steps, arena, memory) {
    for (const step of steps) runStep(step, arena, memory);
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

/** The steps of each part and of the rest. */
function placedSteps(program: Program): Executable {
  const { parts, rest, inputLength, outputLength } = program;
  const stepsOf = ({ steps, constants }: Program, first: number, count: number) => {
    const placed = constants.map(whereBackendComputes);
    return Array.from({ length: count }, (_, i): Executable => {
      const part = first + i;
      const begins = [0, part * inputLength, part * outputLength] as const;
      return steps.map((step) => ({ ...step, constants: placed, begins }));
    }).flat();
  };
  const all = stepsOf(program, 0, parts);
  return rest === undefined ? all : [...all, ...stepsOf(rest, parts, 1)];
}

function runStep(
  { operation, args, constants, begins }: PlacedStep,
  arena: Values,
  { input, output }: CallMemory,
): void {
  const ofCall = [arena, input, output];
  const values = args.map((argument) => {
    if (!isPlace(argument)) return argument;
    const { memory, offset, length } = argument;
    const { values: array } = ofCall.at(memory) ?? constants[memory - memories.constants];
    const begin = (begins.at(memory) ?? 0) + offset;
    return begin === 0 && length === array.length ? array : array.subarray(begin, begin + length);
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
  const steps = job.executable;
  const end = performance.now() + sliceMilliseconds;
  try {
    for (; job.next < steps.length; job.next++) {
      if (job.stopped) return { kind: 'stopped' };
      if (performance.now() > end) return undefined;
      runStep(steps[job.next], arena, job.memory);
    }
  } catch (error) {
    return { kind: 'failed', error };
  }
  return { kind: 'done' };
}
