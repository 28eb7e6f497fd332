import type { OperationName } from '../backend/intercept.js';
import { type CapturedCall, type CapturedValue, isArray } from './captured-graph.js';
import { reusableInputs } from './in-place.js';

/** Values that share memory, one after the other. */
export interface Slot {
  readonly values: CapturedValue[];
  readonly length: number;
  /** Index of the first call that writes it. */
  readonly first: number;
  /** Index of the last call that uses it. */
  last: number;
  /** In floats from the beginning of the arena. */
  offset: number;
}

/** Where the results of calls are in one block of memory. */
export interface Arena {
  readonly slots: readonly Slot[];
  /** In floats. */
  readonly length: number;
  /** The length without sharing. */
  readonly unshared: number;
}

/** Results begin at cache lines, as the memory of tensors does. */
const alignment = 16;

/**
 * Gives each value memory for the time between the first call that writes it and the last one that uses it. Element-wise
 * operations write over an input that nothing uses afterwards.
 * @param isPlaced Whether a value belongs in the arena.
 */
export function planArena(
  calls: readonly CapturedCall[],
  isPlaced: (value: CapturedValue) => boolean,
): Arena {
  const slots = slotsOf(calls, isPlaced);
  const placed: Slot[] = [];
  // Large ones first, since small ones fit into gaps.
  for (const slot of slots.toSorted((a, b) => b.length - a.length)) {
    slot.offset = firstGap(slot, placed);
    placed.push(slot);
  }
  return {
    slots,
    length: Math.max(0, ...slots.map(({ offset, length }) => offset + aligned(length))),
    unshared: slots.flatMap(({ values }) => values).reduce((sum, { length }) => sum + aligned(length), 0),
  };
}

function slotsOf(calls: readonly CapturedCall[], isPlaced: (value: CapturedValue) => boolean): Slot[] {
  const lastUse = new Map<CapturedValue, number>();
  calls.forEach(({ reads, writes }, i) => {
    for (const value of [...reads, ...writes]) lastUse.set(value, i);
  });
  const slots = new Map<CapturedValue, Slot>();
  calls.forEach((call, i) => {
    for (const value of call.writes) {
      if (!isPlaced(value) || slots.has(value)) continue;
      const last = lastUse.get(value) ?? i;
      const reused = reusedInput(call, value, (input) => {
        const slot = slots.get(input);
        return slot?.last === i && slot.length === value.length ? slot : undefined;
      });
      if (reused === undefined) {
        slots.set(value, { values: [value], length: value.length, first: i, last, offset: 0 });
      } else {
        reused.values.push(value);
        reused.last = last;
        slots.set(value, reused);
      }
    }
  });
  return [...new Set(slots.values())];
}

/** The slot of an input that the call may overwrite with this value, its first result. */
function reusedInput(
  { operation, args, writes, reads }: CapturedCall,
  value: CapturedValue,
  slotOf: (input: CapturedValue) => Slot | undefined,
): Slot | undefined {
  if (writes[0] !== value || reads.includes(value)) return undefined;
  for (const name of reusableInputs(operation as OperationName)) {
    const input = args[name];
    if (isArray(input) && input.offset === 0) {
      const slot = slotOf(input.value);
      if (slot !== undefined) return slot;
    }
  }
  return undefined;
}

/** The lowest place where a slot overlaps none that is in use at the same time. */
function firstGap(slot: Slot, placed: readonly Slot[]): number {
  let offset = 0;
  const others = placed
    .filter((other) => other.first <= slot.last && slot.first <= other.last)
    .toSorted((a, b) => a.offset - b.offset);
  for (const other of others) {
    if (other.offset >= offset + aligned(slot.length)) break;
    offset = Math.max(offset, other.offset + aligned(other.length));
  }
  return offset;
}

function aligned(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
