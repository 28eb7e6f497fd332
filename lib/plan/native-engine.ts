import { backend } from '../backend/index.js';
import type { NativeLanes, NativeOutcome, NativePlan, PlanCalls } from '../backend/plan-calls.js';
import { type CodedError, outOfMemory, plainError } from '../validation/errors.js';
import type { CallMemory, Engine, Lanes, Outcome, Values } from './engine.js';
import { isPlace, type Program, type StepArgument } from './program.js';

/** A program in the addon. */
interface Executable {
  readonly plan: NativePlan;
  /** Whose constants the addon reads. */
  readonly program: Program;
  /** Which the plan refers to. */
  readonly rest: Executable | undefined;
}

/** A started call, and everything that the addon uses until it settles. */
interface Call {
  readonly lanes: AddonLanes;
  readonly executable: Executable;
  readonly memory: CallMemory;
  readonly done: (outcome: Outcome) => void;
}

const calls = new Map<number, Call>();
let started = 0;

/** The engine of the addon: one native call for each run. */
export function nativeEngine(addon: PlanCalls): Engine<Executable> {
  return {
    prepare: (program) => prepare(addon, program),
    arenaLength: ({ arena, parts }) => Math.min(parts, backend.info.threads) * arena.length,
    run({ plan }, arena, { input, output }) {
      const outcome = outcomeOf(addon.run(plan, arena.values, input.values, output.values));
      if (outcome.kind === 'failed') throw outcome.error;
    },
    openLanes: (arenas) => new AddonLanes(addon, arenas),
  };
}

function prepare(addon: PlanCalls, program: Program): Executable {
  const { parts, arena, inputLength, outputLength, constants } = program;
  const rest = program.rest && prepare(addon, program.rest);
  const division = Float64Array.of(parts, arena.length, inputLength, outputLength);
  return { plan: addon.create(...encode(program), constants, division, rest?.plan), program, rest };
}

function encode({ steps }: Program): [readonly string[], Float64Array] {
  const numbers = steps.flatMap(({ args }) => {
    const encoded = args.flatMap(encodeArgument);
    return [encoded.length, ...encoded];
  });
  return [steps.map(({ operation }) => operation), Float64Array.from(numbers)];
}

function encodeArgument(argument: StepArgument): readonly number[] {
  if (argument === null) return [-1, 0];
  return isPlace(argument) ? [argument.memory, argument.offset] : [Number(argument)];
}

class AddonLanes implements Lanes<Executable> {
  readonly #addon: PlanCalls;
  readonly #lanes: NativeLanes;
  /** Kept alive for the addon. */
  readonly arenas: readonly Values[];

  constructor(addon: PlanCalls, arenas: readonly Values[]) {
    this.#addon = addon;
    const arrays = arenas.map(({ values }) => values);
    this.#lanes = addon.openLanes(arrays, settle);
    this.arenas = arenas;
  }

  start(executable: Executable, memory: CallMemory, done: (outcome: Outcome) => void): () => void {
    const id = started++;
    const { input, output } = memory;
    const isStarted = this.#addon.start(this.#lanes, executable.plan, input.values, output.values, id);
    // Not before the addon has accepted the call; it settles calls from the event loop.
    calls.set(id, { lanes: this, executable, memory, done });
    if (!isStarted) {
      queueMicrotask(() => {
        settle(id, 2);
      });
    }
    return () => {
      if (!calls.has(id) || !this.#addon.stop(this.#lanes, id)) return;
      queueMicrotask(() => {
        settle(id, 1);
      });
    };
  }
}

function settle(id: number, outcome: NativeOutcome): void {
  const call = calls.get(id);
  calls.delete(id);
  call?.done(outcomeOf(outcome));
}

function outcomeOf(outcome: NativeOutcome): Outcome {
  if (outcome === 0) return { kind: 'done' };
  if (outcome === 1) return { kind: 'stopped' };
  return { kind: 'failed', error: errorOf(outcome) };
}

function errorOf(outcome: 2 | 3): CodedError {
  if (outcome === 2) return outOfMemory('a call of a plan');
  return plainError('ERR_BATCHNORM_INTERNAL', 'Expected a plan whose arguments fit its memory');
}
