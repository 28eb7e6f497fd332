import type { GroupArray, Reduction } from './group.js';

// A call on a group, and its description as numbers, which ranks exchange before the values.

export const kinds = ['allGather', 'sum', 'allReduce', 'broadcast', 'barrier', 'close'] as const;
export type CallKind = (typeof kinds)[number];

export const reductions = ['sum', 'mean', 'min', 'max'] as const satisfies readonly Reduction[];

/** A validated call. */
export interface Call {
  readonly kind: CallKind;
  /** The values of this rank; empty for a barrier. */
  readonly values: GroupArray;
  /** Where the result goes: `values` itself except for allGather. */
  readonly result: GroupArray;
  readonly reduction: Reduction;
  readonly root: number;
}

/** Numbers in a header: call number, kind, bytes per element, length, reduction, root. */
export const headerLength = 6;

/** Writes the header of a call at `offset`. */
export function writeHeader(headers: Float64Array, offset: number, number: number, call: Call): void {
  headers[offset] = number;
  headers[offset + 1] = kinds.indexOf(call.kind);
  headers[offset + 2] = call.values.BYTES_PER_ELEMENT;
  headers[offset + 3] = call.values.length;
  headers[offset + 4] = reductions.indexOf(call.reduction);
  headers[offset + 5] = call.root;
}

/** Describes a header for a message: `allReduce (max) of 12 float32 values (call 3)`. */
export function describeHeader(headers: Float64Array, offset: number): string {
  const at = (i: number) => headers[offset + i] ?? 0;
  const kind = kinds[at(1)] ?? 'an unknown call';
  const values = `${at(3)} float${at(2) * 8} value${at(3) === 1 ? '' : 's'}`;
  const number = `(call ${at(0)})`;
  switch (kind) {
    case 'barrier':
    case 'close':
      return `${kind} ${number}`;
    case 'allReduce':
      return `allReduce (${reductions[at(4)] ?? ''}) of ${values} ${number}`;
    case 'broadcast':
      return `broadcast of ${values} from rank ${at(5)} ${number}`;
    default:
      return `${kind} of ${values} ${number}`;
  }
}

/** The first rank whose header differs from that of `rank`; undefined if all are making the same call. */
export function findMismatch(headers: Float64Array, size: number, rank: number): number | undefined {
  for (let other = 0; other < size; other++) {
    for (let i = 0; i < headerLength; i++) {
      if (headers[other * headerLength + i] !== headers[rank * headerLength + i]) return other;
    }
  }
  return undefined;
}
