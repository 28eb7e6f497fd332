/** Arrays that a group exchanges. */
export type GroupArray = Float32Array | Float64Array;

/**
 * How `allReduce` combines the values of all ranks: each element of the result is the sum, the mean, the minimum
 * or the maximum of the ranks' elements. A NaN of any rank makes the result NaN.
 */
export type Reduction = 'sum' | 'mean' | 'min' | 'max';

/** Options of a single call. */
export interface CallOptions {
  /** Milliseconds to wait for the other ranks, instead of the timeout passed to `connect`. */
  readonly timeout?: number;
}

/**
 * The ranks of a program that runs several times at once: as processes started by `mpirun` or `srun`, as worker
 * threads started by `spawnWorkers`, or as a single process. Made by `connect`.
 *
 * Every call is collective: all ranks must make the same calls in the same order, with arrays of the same type
 * and length. Each call first compares what the ranks are calling. If that differs, the call throws
 * `ERR_BATCHNORM_MISMATCH` on every rank and has changed nothing. A call that waits longer than its timeout throws
 * `ERR_BATCHNORM_TIMEOUT` with the rank, the call and the state of the missing ranks; a rank that ended makes
 * the others throw `ERR_BATCHNORM_PEER`. After either, the group cannot be used any more.
 *
 * Each call exists twice. The plain form blocks the thread, which suits a synchronous training step. The form that
 * ends in `Async` returns a promise and leaves the event loop free; its arrays must not be used until the promise
 * settles. The two forms are ordered separately: a blocking call does not wait for earlier asynchronous ones.
 */
export interface Group {
  /** The index of this process or worker: 0 up to `size - 1`. */
  readonly rank: number;
  /** The number of ranks. */
  readonly size: number;
  /** The transport of the values. */
  readonly transport: 'mpi' | 'workers' | 'single';
  /** Milliseconds that a call waits for the other ranks. */
  readonly timeout: number;

  /**
   * Collects the values of all ranks.
   * @returns A new array of `size * values.length` elements: those of rank 0, then those of rank 1, and so on.
   */
  allGather<A extends GroupArray>(values: A, options?: CallOptions): A;
  /** As `allGather`, without blocking. */
  allGatherAsync<A extends GroupArray>(values: A, options?: CallOptions): Promise<A>;

  /**
   * Replaces each element by the sum of that element over all ranks: `allReduce(values, 'sum')`. The elements are
   * added in rank order in double precision and rounded to the type of the array once, so the bits are the same
   * on every rank and depend neither on the transport nor on its algorithm.
   * @returns `values`.
   */
  sum<A extends GroupArray>(values: A, options?: CallOptions): A;
  /** As `sum`, without blocking. */
  sumAsync<A extends GroupArray>(values: A, options?: CallOptions): Promise<A>;

  /**
   * Replaces each element by its reduction over all ranks, computed in rank order in double precision. The mean
   * is the sum divided by `size`, before rounding.
   * @param reduction `'sum'` if it is missing.
   * @returns `values`.
   */
  allReduce<A extends GroupArray>(values: A, reduction?: Reduction, options?: CallOptions): A;
  /** As `allReduce`, without blocking. */
  allReduceAsync<A extends GroupArray>(values: A, reduction?: Reduction, options?: CallOptions): Promise<A>;

  /**
   * Copies the values of one rank to all others.
   * @param root The rank whose values the others receive; 0 if it is missing.
   * @returns `values`.
   */
  broadcast<A extends GroupArray>(values: A, root?: number, options?: CallOptions): A;
  /** As `broadcast`, without blocking. */
  broadcastAsync<A extends GroupArray>(values: A, root?: number, options?: CallOptions): Promise<A>;

  /** Returns once every rank has called it. */
  barrier(options?: CallOptions): void;
  /** As `barrier`, without blocking. */
  barrierAsync(options?: CallOptions): Promise<void>;

  /**
   * Leaves the group, once every rank has called it. A process or worker that ends with exit code 0 does so
   * by itself. Closing twice has no effect; other calls on a closed group throw `ERR_BATCHNORM_DISPOSED`.
   */
  close(options?: CallOptions): void;

  /**
   * Ends every rank of the group with exit code 1, without waiting for them, after writing `message` to
   * standard error. Does not return.
   */
  abort(message: string): never;
}
