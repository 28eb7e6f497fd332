import { outOfMemory, plainError, rangeError } from '../../validation/errors.js';
import type { ThreadHost } from './threads.js';
import { webAssembly, type WasmExports, type WasmMemory } from './web-assembly.js';

/** Number of an operation's result in native/wasm/arguments.h. */
const outcome = { outOfMemory: 1, wrongShape: 2 } as const;

/** Bytes for copies of small arrays, which need no allocation. */
const smallBytes = 64 * 1024;
const alignment = 16;

const nothing = new Float32Array(0);

/**
 * An instance of the WebAssembly module with its memory. When unshared memory grows, all views of it become empty;
 * `floats` and `Block.values` are created again on demand. Views of shared memory stay as they are.
 */
export class WasmInstance {
  readonly #exports: WasmExports;
  readonly #memory: WasmMemory;
  #host: ThreadHost | undefined;
  /** Functions that stop the running threads. */
  readonly #running = new Set<() => void>();
  /** The buffers of the shared memory; growth creates a new one. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #floats!: Float32Array;
  #arguments!: Float64Array;
  readonly #argumentsAddress: number;
  readonly #small: number;
  #smallUsed = 0;
  /** Copies of larger arrays during a call. */
  readonly #copies: number[] = [];
  #failure: Error | undefined;

  /** Names of the operations by index. */
  readonly operations: readonly string[];

  /**
   * Frees memory of the instance that can be spared, such as pooled memory. Returns whether there was any. Set by the
   * storage pool.
   */
  reclaim: () => boolean = () => false;

  /** Called after a trap if the memory is shared: its views must not be used any more. */
  onFailure: () => void = () => undefined;

  /** Whether the memory is shared, as several threads need it. */
  readonly isShared: boolean;

  constructor(module: object, memory: WasmMemory, host?: ThreadHost) {
    if (webAssembly === undefined) {
      throw plainError('ERR_BATCHNORM_BACKEND', 'this engine has no WebAssembly');
    }
    this.#memory = memory;
    this.isShared = memory.buffer[Symbol.toStringTag] === 'SharedArrayBuffer';
    this.#host = this.isShared ? host : undefined;
    const startThread = (number: number, stack: number, bytes: number): number =>
      this.#start(module, number, stack, bytes) ? 1 : 0;
    // Only the thread pool reads the clock.
    const milliseconds = host?.milliseconds ?? (() => 0);
    const { exports } = new webAssembly.Instance(module, { env: { memory, startThread, milliseconds } });
    this.#exports = exports as WasmExports;
    const count = this.#exports.initialize(this.#host?.usableCpus ?? 1);
    this.threads = this.#host?.threads ?? 1;
    this.#argumentsAddress = this.#exports.callArguments();
    this.#small = this.#exports.allocate(smallBytes);
    this.#createViews();
    this.operations = Array.from({ length: count }, (_, i) => this.#text(this.#exports.operationName(i)));
  }

  /** The whole memory. @throws Error after a trap. */
  get floats(): Float32Array {
    if (this.#floats.length === 0) this.#createViews();
    return this.#floats;
  }

  get buffer(): ArrayBufferLike {
    return this.floats.buffer;
  }

  /** Whether an array in this buffer is in the memory. */
  owns(buffer: ArrayBufferLike): boolean {
    return buffer === this.buffer || (this.isShared && this.#buffers.has(buffer));
  }

  /** Threads that a large operation may use, the caller's included. */
  get threads(): number {
    return this.#exports.threads();
  }

  /** Without a host, there is only the caller's. */
  set threads(count: number) {
    if (this.#host !== undefined) this.#exports.setThreads(count);
  }

  /** For tests, which need threads for small sizes and threads that end soon. */
  get exports(): WasmExports {
    return this.#exports;
  }

  /** The argument in place `index` of the next call; after a call, the first one is its result. */
  get arguments(): Float64Array {
    if (this.#arguments.length === 0) this.#createViews();
    return this.#arguments;
  }

  /** Address of fresh memory with arbitrary content; 0 if there is none even after `reclaim`. */
  allocate(bytes: number): number {
    this.#requireAlive();
    let address = this.#exports.allocate(bytes);
    if (address === 0 && this.reclaim()) address = this.#exports.allocate(bytes);
    // Views of shared memory do not become empty when it grows, but are too short then.
    if (this.isShared && this.#memory.buffer !== this.#floats.buffer) this.#createViews();
    return address >>> 0;
  }

  release(address: number): void {
    if (this.#failure === undefined) this.#exports.release(address);
  }

  /** Memory until the end of the current call. @throws RangeError if there is none. */
  allocateCopy(bytes: number): number {
    if (this.growsAlways) this.emptyViews();
    const padded = Math.ceil(bytes / alignment) * alignment;
    if (this.#smallUsed + padded <= smallBytes) {
      const address = this.#small + this.#smallUsed;
      this.#smallUsed += padded;
      return address;
    }
    const address = this.allocate(bytes);
    if (address === 0) throw outOfMemory('a copy in the memory of WebAssembly', bytes);
    this.#copies.push(address);
    return address;
  }

  /** Frees what `allocateCopy` has returned. */
  releaseCopies(): void {
    this.#smallUsed = 0;
    for (let address = this.#copies.pop(); address !== undefined; address = this.#copies.pop()) {
      this.release(address);
    }
  }

  /** Whether views become empty with each copy and call, any of which may grow the memory. */
  growsAlways = false;

  /** Makes all views of the memory empty, as its growth does unless it is shared. */
  emptyViews(): void {
    if (!this.isShared) this.#memory.grow(0);
  }

  /**
   * Runs an operation on `arguments`.
   * @throws RangeError for sizes that contradict each other or without working space, Error after a trap.
   */
  call(index: number): void {
    this.#requireAlive();
    let result = this.#run(index);
    // Nothing has been written, and the arguments are still in place.
    if (result === outcome.outOfMemory && this.reclaim()) result = this.#run(index);
    if (result === outcome.outOfMemory) throw outOfMemory('the working space of an operation');
    if (result === outcome.wrongShape) {
      throw rangeError('ERR_BATCHNORM_SHAPE', this.#text(this.#exports.shapeProblem()));
    }
    if (this.growsAlways) this.emptyViews();
  }

  #run(index: number): number {
    try {
      return this.#exports.call(index);
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  /**
   * A trap may leave half of a result and the module's own state behind, so the instance is given up: every view
   * becomes empty, and all later uses throw.
   */
  #fail(cause: unknown): Error {
    this.#failure = plainError(
      'ERR_BATCHNORM_BACKEND',
      `The WebAssembly backend has stopped (${String(cause)}) and its tensors are lost. Restart the process or the worker`,
      { cause },
    );
    this.emptyViews();
    this.#floats = nothing;
    this.onFailure();
    for (const stop of this.#running) stop();
    return this.#failure;
  }

  /** Starts a thread during an operation. */
  #start(module: object, number: number, stack: number, bytes: number): boolean {
    const thread = { module, memory: this.#memory, number, stack: stack + bytes };
    const ended = (): void => {
      if (stop !== undefined) this.#running.delete(stop);
      if (this.#failure === undefined) this.#exports.freeStack(number, stack);
    };
    const stop = this.#host?.start(thread, ended, () => {
      this.#computeAlone();
    });
    if (stop !== undefined) this.#running.add(stop);
    return stop !== undefined;
  }

  /**
   * Uses no thread but the caller's from now on. A thread that is killed may hold a lock of the module or have joined the
   * next operation, which would wait for it forever.
   */
  #computeAlone(): void {
    this.threads = 1;
    this.#host = undefined;
    for (const stop of this.#running) stop();
  }

  #requireAlive(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #createViews(): void {
    this.#requireAlive();
    const { buffer } = this.#memory;
    if (this.isShared) this.#buffers.add(buffer);
    this.#floats = new Float32Array(buffer);
    this.#arguments = new Float64Array(buffer, this.#argumentsAddress, 32);
  }

  #text(address: number): string {
    const bytes = new Uint8Array(this.#memory.buffer, address);
    return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
  }
}
