/** A list of operations that the addon has read. */
export interface NativePlan {
  readonly nativePlan: never;
}

/** Arenas in which the addon computes calls of plans on its own threads. */
export interface NativeLanes {
  readonly nativeLanes: never;
}

/** How a call ended: 0 finished, 1 stopped, 2 out of memory, 3 invalid plan. */
export type NativeOutcome = 0 | 1 | 2 | 3;

/**
 * The addon's calls for compiled plans. Nothing in it keeps arrays alive: a plan needs its constants, and a started call
 * the plan, the lanes, their arenas and its arrays, until it has settled.
 */
export interface PlanCalls {
  /**
   * @param operations The name of each step's operation.
   * @param numbers For each step, the number of numbers that follow, and its arguments in the order of the signature: a
   * number; for an array a memory and an offset, or -1 and 0. Memories are the arena, the input, the output, then the
   * constants.
   * @param division How many times the steps run, each time on the next part of the input and of the output, and the lengths
   * of an arena, of the input and of the output for one part. Several parts run at the same time if the arena of the call has
   * room.
   * @param rest What runs on the rest of the input and of the output. It must exist as long as the plan.
   */
  create(
    operations: readonly string[],
    numbers: Float64Array,
    constants: readonly Float32Array[],
    division: Float64Array,
    rest: NativePlan | undefined,
  ): NativePlan;
  run(plan: NativePlan, arena: Float32Array, input: Float32Array, output: Float32Array): NativeOutcome;
  /** @param settle Called with the number of each call that ends; the first one of a thread is used for all lanes. */
  openLanes(
    arenas: readonly Float32Array[],
    settle: (id: number, outcome: NativeOutcome) => void,
  ): NativeLanes;
  /** Starts a call. False if there is no memory or no thread for it. */
  start(lanes: NativeLanes, plan: NativePlan, input: Float32Array, output: Float32Array, id: number): boolean;
  /** Stops a call. A waiting call never starts and does not settle; then the result is true. */
  stop(lanes: NativeLanes, id: number): boolean;
}
