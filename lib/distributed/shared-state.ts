import { headerLength } from './call.js';
import type { GroupArray } from './group.js';

// The memory that the workers of a group share. Calls that block and calls that return promises use separate
// channels, each with:
// - a counter per rank: the number of rounds that the rank has begun, and whether the rank has ended
// - two slots of values per rank, for even and odd rounds. A rank begins a round only after it has read the
//   values of the round before, so a slot is never overwritten before everyone has read it.
// - a header per rank and slot, and the header of the call that each rank made last.

export const channels = { blocking: 0, promises: 1 } as const;
export type Channel = (typeof channels)[keyof typeof channels];

/** Bytes of values that a rank passes on per round: a quarter of a small second-level cache. */
const slotBytes = 256 * 1024;

/** In int32s: each counter has its own cache line, so that ranks do not contend for it. */
const counterStride = 16;

/** Set in a counter when its rank has ended; the other bits count rounds, and wrap around. */
const endedBit = 0x4000_0000;
const roundMask = 0x3fff_ffff;

/** Per rank: 0 while it runs, otherwise its exit code + 1. */
export interface SharedState {
  readonly size: number;
  readonly counters: Int32Array;
  readonly exits: Int32Array;
  readonly headers: Float64Array;
  readonly values: SharedArrayBuffer;
}

/** Allocates the memory of a group, in the thread that starts its workers. */
export function createSharedState(size: number): SharedState {
  const slots = 2 * 2 * size;
  return {
    size,
    counters: new Int32Array(new SharedArrayBuffer(4 * 2 * size * counterStride)),
    exits: new Int32Array(new SharedArrayBuffer(4 * size)),
    headers: new Float64Array(new SharedArrayBuffer(8 * slots * headerLength)),
    values: new SharedArrayBuffer(slots * slotBytes),
  };
}

/** Index of a rank's counter in `counters`. */
export function counterIndex(state: SharedState, channel: Channel, rank: number): number {
  return (channel * state.size + rank) * counterStride;
}

function slotIndex(state: SharedState, channel: Channel, round: number, rank: number): number {
  return (channel * 2 + (round % 2)) * state.size + rank;
}

/** The headers of all ranks in one round. */
export function headersOf(state: SharedState, channel: Channel, round: number): Float64Array {
  const begin = slotIndex(state, channel, round, 0) * headerLength;
  return state.headers.subarray(begin, begin + state.size * headerLength);
}

/** The slot of a rank in one round, for elements of 4 or 8 bytes. */
export function slotOf(
  state: SharedState,
  bytesPerElement: number,
  channel: Channel,
  round: number,
  rank: number,
): GroupArray {
  const offset = slotIndex(state, channel, round, rank) * slotBytes;
  const length = slotLength(bytesPerElement);
  return bytesPerElement === 4
    ? new Float32Array(state.values, offset, length)
    : new Float64Array(state.values, offset, length);
}

/** Elements `begin` to `end` of the slot of rank 0, up to the same elements of the last rank's. */
export function slotsOf(
  state: SharedState,
  bytesPerElement: number,
  channel: Channel,
  round: number,
  [begin, end]: readonly [number, number],
): GroupArray {
  const offset = slotIndex(state, channel, round, 0) * slotBytes + begin * bytesPerElement;
  const length = (state.size - 1) * slotLength(bytesPerElement) + end - begin;
  return bytesPerElement === 4
    ? new Float32Array(state.values, offset, length)
    : new Float64Array(state.values, offset, length);
}

/** Elements per round. */
export function slotLength(bytesPerElement: number): number {
  return slotBytes / bytesPerElement;
}

/** Announces that a rank has begun another round. */
export function arrive(state: SharedState, channel: Channel, rank: number): void {
  const index = counterIndex(state, channel, rank);
  const wraps = (Atomics.load(state.counters, index) & roundMask) === roundMask;
  Atomics.add(state.counters, index, wraps ? -roundMask : 1);
  Atomics.notify(state.counters, index);
}

/** Whether a counter shows that its rank has begun `rounds` rounds. */
export function hasArrived(counter: number, rounds: number): boolean {
  // Modulo 2^30, so that a group may run forever: ranks are never more than one round apart.
  return (((counter & roundMask) - rounds) & roundMask) < roundMask / 2;
}

export function hasEnded(counter: number): boolean {
  return (counter & endedBit) !== 0;
}

/** Notes that a rank has ended, and wakes the ranks that wait for it. */
export function markEnded(state: SharedState, rank: number, exitCode: number): void {
  Atomics.compareExchange(state.exits, rank, 0, exitCode + 1);
  for (const channel of Object.values(channels)) {
    const index = counterIndex(state, channel, rank);
    Atomics.or(state.counters, index, endedBit);
    Atomics.notify(state.counters, index);
  }
}
