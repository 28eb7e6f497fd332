import { freshFloats } from '../backend/allocation.js';
import type { OperationName } from '../backend/intercept.js';
import { poisoning } from '../core/poison.js';
import type { Shape } from '../core/shape.js';
import { type ScriptOperation, scriptOperations } from '../ops/script-operations.js';
import { type Arena, planArena } from './arena.js';
import {
  type CapturedArgument,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  dependentValues,
  isArray,
} from './captured-graph.js';
import type { Division } from './divide.js';

/** The memories of a run, by which places refer to them. The constants follow. */
export const memories = { arena: 0, input: 1, output: 2, constants: 3 } as const;

/** A part of a memory, in floats. */
export interface Place {
  readonly memory: number;
  readonly offset: number;
  readonly length: number;
}

export type StepArgument = number | boolean | null | Place;

/** A call of the backend. */
export interface Step {
  readonly operation: OperationName | ScriptOperation;
  readonly args: readonly StepArgument[];
}

/** Everything that is computed for inputs of one shape. */
export interface Program {
  readonly steps: readonly Step[];
  /** How many times the steps run, each time on the next part of the input and of the output. */
  readonly parts: number;
  /** Computes the rest of the input and of the output, in one part. */
  readonly rest: Program | undefined;
  /** Weights and other arrays that do not depend on the input. */
  readonly constants: readonly Float32Array[];
  /** For one part. */
  readonly arena: Arena;
  /** Of one part. */
  readonly inputLength: number;
  /** Of one part. */
  readonly outputLength: number;
  /** Shape of the whole result. */
  readonly outputShape: Shape;
  /** Where the result is if no step writes it: the input or a constant. */
  readonly result: Place | undefined;
}

/** The length of a program's result. */
export function resultLength({ parts, outputLength, rest }: Program): number {
  return parts * outputLength + (rest?.outputLength ?? 0);
}

/** Whether JavaScript computes some of a program's operations. */
export function needsScript({ steps }: Program): boolean {
  return steps.some(({ operation }) => operation in scriptOperations);
}

export function isPlace(argument: StepArgument): argument is Place {
  return typeof argument === 'object' && argument !== null;
}

/**
 * Places the values of graphs in memory.
 * @param numbersOf The numbers of a parameter or constant, which must not change while the program is used.
 * @param compute Computes calls that do not depend on the input.
 */
export function toProgram(
  { graph, parts, rest }: Division,
  numbersOf: (value: CapturedValue) => Float32Array,
  compute: (call: CapturedCall, arrayOf: (value: CapturedValue) => Float32Array) => void,
): Program {
  const known = new Map<CapturedValue, Float32Array>();
  const constantOf = (value: CapturedValue): Float32Array => {
    let numbers = known.get(value);
    if (numbers === undefined) {
      numbers = value.kind === 'result' ? freshFloats('a plan', value.length) : numbersOf(value);
      known.set(value, numbers);
    }
    return numbers;
  };
  const dependent = dependentValues(graph);
  for (const call of graph.calls) if (!writesOne(call, dependent)) compute(call, constantOf);
  return {
    ...placed(graph, constantOf),
    parts,
    rest: rest && { ...placed(rest, constantOf), parts: 1, rest: undefined },
  };
}

/** The steps of a graph, and where their values are. */
function placed(
  graph: CapturedGraph,
  constantOf: (value: CapturedValue) => Float32Array,
): Omit<Program, 'parts' | 'rest'> {
  const { input, output, outputShape } = graph;
  const dependent = dependentValues(graph);
  const calls = graph.calls.filter((call) => writesOne(call, dependent));
  const arena = planArena(calls, (value) => value !== output && dependent.has(value));
  const offsets = new Map(
    arena.slots.flatMap(({ values, offset }) => values.map((value) => [value, offset])),
  );
  const constants: Float32Array[] = [];
  const indices = new Map<CapturedValue, number>();
  const placeOf = (value: CapturedValue): Place => {
    const { length } = value;
    if (value === input) return { memory: memories.input, offset: 0, length };
    const offset = offsets.get(value);
    if (offset !== undefined) return { memory: memories.arena, offset, length };
    if (dependent.has(value)) return { memory: memories.output, offset: 0, length };
    let index = indices.get(value);
    if (index === undefined) {
      index = constants.push(constantOf(value)) - 1;
      indices.set(value, index);
    }
    return { memory: memories.constants + index, offset: 0, length };
  };
  const toArgument = (argument: CapturedArgument): StepArgument =>
    isArray(argument) ? part(placeOf(argument.value), argument.offset) : argument;
  const steps = calls.map(({ operation, args }): Step => ({
    operation,
    args: Object.values(args).map(toArgument),
  }));
  const isWritten = output !== input && dependent.has(output);
  return {
    steps: poisoning ? poisoned(steps, arena, constants) : steps,
    constants,
    arena,
    inputLength: input.length,
    outputLength: output.length,
    outputShape,
    result: isWritten ? undefined : placeOf(output),
  };
}

function writesOne({ writes }: CapturedCall, dependent: ReadonlySet<CapturedValue>): boolean {
  return writes.some((value) => dependent.has(value));
}

function part({ memory, offset, length }: Place, from: number): Place {
  return { memory, offset: offset + from, length: length - from };
}

/** With BATCHNORM_POISON=1, memory is filled with NaN as soon as nothing uses it, so that a wrong lifetime shows in results. */
function poisoned(steps: readonly Step[], { slots }: Arena, constants: Float32Array[]): readonly Step[] {
  if (slots.length === 0) return steps;
  const longest = Math.max(...slots.map(({ length }) => length));
  const memory = memories.constants + constants.push(new Float32Array(longest).fill(NaN)) - 1;
  const fillsAfter = (i: number) =>
    slots
      .filter(({ last }) => last === i)
      .map(({ offset, length }): Step => ({
        operation: 'copy',
        args: [length, { memory, offset: 0, length }, { memory: memories.arena, offset, length }],
      }));
  return steps.flatMap((step, i) => [step, ...fillsAfter(i)]);
}
