import { backend } from '../backend/index.js';
import { loadAddon, type MpiAddon } from '../backend/load-addon.js';
import { type Call, describeHeader, findMismatch, headerLength, reductions, writeHeader } from './call.js';
import type { GroupArray } from './group.js';
import { mismatch, peerEnded, timedOut } from './group-errors.js';
import { reduceInto } from './reduce.js';
import {
  arrive,
  type Channel,
  channels,
  counterIndex,
  hasArrived,
  hasEnded,
  headersOf,
  markEnded,
  type SharedState,
  slotLength,
  slotOf,
  slotsOf,
} from './shared-state.js';
import type { Transport } from './transport.js';

/**
 * Loads of a counter before a rank sleeps: about 50 microseconds, which is as long as it takes to wake a thread that
 * sleeps.
 */
const spins = 10_000;

/**
 * Values from which a reduction is divided among the ranks. A second round of waiting takes as long as adding a few
 * thousand values.
 */
const minDivided = 4096;

/** Float32s in a cache line. */
const elementsPerLine = 16;

/** Not in the declarations of the ECMAScript version that we compile for. */
interface WaitAsync {
  waitAsync?(
    array: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> };
}

/** Exchanges values through memory that worker threads share. */
export class WorkerTransport implements Transport {
  readonly name = 'workers';
  readonly rank: number;
  readonly size: number;
  readonly #state: SharedState;
  /** Rounds and calls begun, per channel. */
  readonly #rounds = [0, 0];
  readonly #calls = [0, 0];
  #lastStarted: Promise<unknown> = Promise.resolve();
  /** Calls that were started and have not ended. */
  #pending = 0;
  /** The addon, which has a vectorized loop, where the package computes with it. */
  readonly #mpi: MpiAddon | undefined;

  constructor(state: SharedState, rank: number) {
    const loaded = backend.info.name === 'native' ? loadAddon() : undefined;
    this.#mpi = loaded !== undefined && 'addon' in loaded ? loaded.addon.mpi : undefined;
    this.#state = state;
    this.rank = rank;
    this.size = state.size;
  }

  run(call: Call, timeout: number): void {
    const deadline = performance.now() + timeout;
    const channel = channels.blocking;
    for (const round of this.#exchange(call, channel)) {
      for (let rank = 0; rank < this.size; rank++) {
        if (!this.#wait(channel, rank, round, deadline)) throw this.#timedOut(channel, round, timeout);
      }
    }
  }

  start(call: Call, timeout: number): Promise<void> {
    this.#pending++;
    const started = this.#lastStarted
      .then(() => this.#runAsync(call, timeout))
      .finally(() => this.#pending--);
    this.#lastStarted = started.catch(() => undefined);
    return started;
  }

  release(): void {
    const end = () => markEnded(this.#state, this.rank, 0);
    // Other ranks may still wait for calls that this one has started.
    if (this.#pending === 0) end();
    else void this.#lastStarted.then(end);
  }

  abort(message: string): never {
    process.stderr.write(`batchnorm: rank ${this.rank} aborted: ${message}\n`);
    markEnded(this.#state, this.rank, 1);
    process.exit(1);
  }

  async #runAsync(call: Call, timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    const channel = channels.promises;
    // A pending Atomics.waitAsync alone does not keep the process alive.
    const alive = setInterval(() => undefined, 2 ** 30);
    try {
      for (const round of this.#exchange(call, channel)) {
        for (let rank = 0; rank < this.size; rank++) {
          if (!(await this.#waitAsync(channel, rank, round, deadline))) {
            throw this.#timedOut(channel, round, timeout);
          }
        }
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Makes a call in rounds; yields the number of each, and continues when all ranks have begun it. */
  *#exchange(call: Call, channel: Channel): Generator<number, void> {
    const { values } = call;
    const chunk = slotLength(values.BYTES_PER_ELEMENT);
    const number = (this.#calls[channel] ?? 0) + 1;
    this.#calls[channel] = number;
    const reduces = call.kind === 'sum' || call.kind === 'allReduce';
    const isDivided = reduces && this.size > 1 && values.length >= minDivided;
    let begin = 0;
    do {
      const end = Math.min(begin + chunk, values.length);
      if (isDivided) yield* this.#reduceDivided(call, channel, number, begin, end);
      else yield* this.#exchangeWhole(call, channel, number, begin, end);
      begin = end;
    } while (begin < values.length);
  }

  /** One round, in which every rank reads the values of all others. */
  *#exchangeWhole(
    call: Call,
    channel: Channel,
    number: number,
    begin: number,
    end: number,
  ): Generator<number, void> {
    const { values, result } = call;
    const slots = this.#slots(channel, values.BYTES_PER_ELEMENT);
    if (call.kind !== 'broadcast' || call.root === this.rank) {
      slots(this.rank).set(values.subarray(begin, end));
    }
    yield* this.#round(call, channel, number, begin === 0);
    const all = Array.from({ length: this.size }, (_, rank) => slots(rank).subarray(0, end - begin));
    combine(call, all, result.subarray(begin), values.length);
  }

  /**
   * Two rounds, in which every rank reduces one part of the values and the others copy the result: each value is added once
   * instead of once on every rank, and the rank's own part is not copied.
   */
  *#reduceDivided(
    call: Call,
    channel: Channel,
    number: number,
    begin: number,
    end: number,
  ): Generator<number, void> {
    const { reduction } = call;
    const values = call.values.subarray(begin, end);
    const result = call.result.subarray(begin, end);
    const part = (rank: number) => partOf(values.length, rank, this.size);
    const [first, last] = part(this.rank);

    const round = this.#rounds[channel] ?? 0;
    const contributions = this.#slots(channel, values.BYTES_PER_ELEMENT);
    const own = contributions(this.rank);
    own.set(values.subarray(0, first));
    own.set(values.subarray(last), last);
    yield* this.#round(call, channel, number, begin === 0);
    if (this.#mpi === undefined) {
      const sources = Array.from({ length: this.size }, (_, rank) =>
        rank === this.rank ? values : contributions(rank),
      );
      reduceInto(result, sources, reduction, first, last);
    } else if (first < last) {
      this.#mpi.reduceRanks(
        reductions.indexOf(reduction),
        this.rank,
        slotLength(values.BYTES_PER_ELEMENT),
        values.subarray(first, last),
        slotsOf(this.#state, values.BYTES_PER_ELEMENT, channel, round, [first, last]),
        result.subarray(first, last),
      );
    }

    const results = this.#slots(channel, values.BYTES_PER_ELEMENT);
    results(this.rank).set(result.subarray(first, last));
    yield* this.#round(call, channel, number, false);
    for (let rank = 0; rank < this.size; rank++) {
      if (rank === this.rank) continue;
      const [from, to] = part(rank);
      result.set(results(rank).subarray(0, to - from), from);
    }
  }

  /** The slots of the round that this rank begins next, by rank. */
  #slots(channel: Channel, bytesPerElement: number): (rank: number) => GroupArray {
    const round = this.#rounds[channel] ?? 0;
    return (rank) => slotOf(this.#state, bytesPerElement, channel, round, rank);
  }

  /** Begins a round, whose slot this rank has written, and continues when all ranks have. */
  *#round(call: Call, channel: Channel, number: number, isFirst: boolean): Generator<number, void> {
    const round = this.#rounds[channel] ?? 0;
    const headers = headersOf(this.#state, channel, round);
    writeHeader(headers, this.rank * headerLength, number, call);
    this.#rounds[channel] = round + 1;
    arrive(this.#state, channel, this.rank);
    yield round + 1;
    const other = isFirst ? findMismatch(headers, this.size, this.rank) : undefined;
    // A copy, which the next round does not overwrite.
    if (other !== undefined) throw mismatch(headers.slice(), this.rank, other);
  }

  /** Whether a rank began a round before the deadline. */
  #wait(channel: Channel, rank: number, round: number, deadline: number): boolean {
    const { counters } = this.#state;
    const index = counterIndex(this.#state, channel, rank);
    for (let i = 0; i < spins; i++) if (hasArrived(Atomics.load(counters, index), round)) return true;
    for (;;) {
      const counter = Atomics.load(counters, index);
      if (hasArrived(counter, round)) return true;
      if (hasEnded(counter)) throw this.#peerEnded(channel, rank, round);
      const left = deadline - performance.now();
      if (left <= 0) return false;
      Atomics.wait(counters, index, counter, left);
    }
  }

  async #waitAsync(channel: Channel, rank: number, round: number, deadline: number): Promise<boolean> {
    const { counters } = this.#state;
    const index = counterIndex(this.#state, channel, rank);
    for (;;) {
      const counter = Atomics.load(counters, index);
      if (hasArrived(counter, round)) return true;
      if (hasEnded(counter)) throw this.#peerEnded(channel, rank, round);
      const left = deadline - performance.now();
      if (left <= 0) return false;
      const waiting = (Atomics as WaitAsync).waitAsync?.(counters, index, counter, left);
      if (waiting === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      else await waiting.value;
    }
  }

  #describeOwn(channel: Channel, round: number): string {
    return describeHeader(headersOf(this.#state, channel, round - 1), this.rank * headerLength);
  }

  #timedOut(channel: Channel, round: number, timeout: number): Error {
    return timedOut(this.rank, this.#describeOwn(channel, round), timeout, this.#missing(channel, round));
  }

  #peerEnded(channel: Channel, rank: number, round: number): Error {
    const code = Atomics.load(this.#state.exits, rank) - 1;
    const state = `rank ${rank} ended with exit code ${code}`;
    return peerEnded(this.rank, this.#describeOwn(channel, round), state);
  }

  /** The state of the ranks that have not begun a round. */
  #missing(channel: Channel, round: number): string {
    const missing: string[] = [];
    for (let rank = 0; rank < this.size; rank++) {
      const counter = Atomics.load(this.#state.counters, counterIndex(this.#state, channel, rank));
      if (hasArrived(counter, round)) continue;
      // It is one round behind, because nobody begins a round before all have begun the one before.
      const last = headersOf(this.#state, channel, round);
      const offset = rank * headerLength;
      const since = round === 1 ? 'has made no call' : `has made none after ${describeHeader(last, offset)}`;
      missing.push(`rank ${rank} has not made this call; it ${since}`);
    }
    return missing.join('; ');
  }
}

/** The part of `length` values that a rank reduces: whole cache lines, so that no two ranks write to the same one. */
function partOf(length: number, rank: number, size: number): readonly [begin: number, end: number] {
  const each = Math.ceil(length / size / elementsPerLine) * elementsPerLine;
  return [Math.min(length, rank * each), Math.min(length, (rank + 1) * each)];
}

/** Computes a piece of the result from the slots of all ranks. */
function combine(call: Call, slots: readonly GroupArray[], result: GroupArray, stride: number): void {
  switch (call.kind) {
    case 'allGather':
      slots.forEach((slot, rank) => {
        result.set(slot, rank * stride);
      });
      break;
    case 'broadcast':
      result.set(slots[call.root]);
      break;
    case 'sum':
    case 'allReduce':
      reduceInto(result, slots, call.reduction, 0, slots[0]?.length ?? 0);
      break;
    default:
  }
}
