import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { requireUntaped } from '../nn/mode.js';
import { asPart } from '../nn/compose/part.js';
import { throwIfAborted } from '../training/batches.js';
import { defineInspect } from '../printing/inspect.js';
import { fromPackage, requirePackage } from '../validation/construction.js';
import { plainError, requireOptions, typeError, wrongShape, wrongValue } from '../validation/errors.js';
import { guardMethods } from '../validation/guard-methods.js';
import { CallQueue, type Prepared } from './call-queue.js';
import { abortReason, type CallSignal, onAbort, readCallSignal } from './call-signal.js';
import { CompiledModel } from './compiled-model.js';
import type { CallMemory, Outcome, Values } from './engine.js';
import { engineFor } from './engines.js';
import { memories, type Place, type Program, resultLength } from './program.js';

/** Settings of `runSync`. */
export interface RunSyncOptions<O extends Shape = Shape> {
  /** Receives the result; of its shape and without a tape. It is written at the end of a call that succeeds. Default: a new tensor. */
  readonly out?: Tensor<O>;
}

/** Settings of `run`. */
export interface RunOptions<O extends Shape = Shape> extends RunSyncOptions<O> {
  /** Stops the call between two operations, or while it waits; the promise then rejects with the signal's reason. */
  readonly signal?: CallSignal;
}

/** The memory of a plan, in bytes. */
export interface PlanMemory {
  /** Intermediate results of one call; a plan has one such arena for each of `concurrency` calls. */
  readonly arena: number;
  /** The size of the arena if no two results shared memory. */
  readonly withoutReuse: number;
  /** Weights of the folded model, and the original ones of batch norms and layers that were folded in your own modules. */
  readonly weights: number;
}

/** The checked settings of a plan. */
export interface PlanSettings {
  readonly inputShape: Shape;
  /** Undefined for all sizes up to that of `inputShape`. */
  readonly batchSizes: readonly number[] | undefined;
  readonly concurrency: number;
  readonly maxQueue: number;
}

/** A model with its programs, one for each batch size that was used. */
interface Version {
  readonly model: CompiledModel;
  readonly programs: Map<number, Prepared>;
}

/** Compiles a model. Internal. */
export let createPlan: (model: object, settings: PlanSettings) => Plan<never, never>;

/** Whether a value was made by `compile`. Internal. */
export let isPlan: (value: unknown) => boolean;

/**
 * Shape of the result for a number of samples, also one that the plan does not accept. Undefined if the model does not accept
 * it either. Internal.
 */
export let resultShapeOf: (plan: Plan<Shape, Shape>, size: number) => Shape | undefined;

/**
 * A model compiled by `compile`: a fixed list of operations on planned memory, for inference. Results are bit-identical
 * to `fold(model).forward(x)`; for your own modules, to the same module with its pairs of layer and batch norm folded.
 *
 * @example
 * const plan = compile(net, [8, 3, 32, 32]);
 * const logits = await plan.run(x, { signal: AbortSignal.timeout(100) });
 */
export class Plan<I extends Shape, O extends Shape> {
  static {
    guardMethods(this);
    createPlan = (model, settings) => new Plan(fromPackage, model, settings);
    isPlan = (value) => typeof value === 'object' && value !== null && #version in value;
    resultShapeOf = (plan, size) => plan.#resultShape(size);
    defineInspect(this.prototype as Plan<Shape, Shape>, function () {
      const { inputShape, outputShape, operations } = this;
      return `Plan { ${formatShape(inputShape)} -> ${formatShape(outputShape)}, ${operations.length} operations }`;
    });
  }

  /** Shape of the inputs with the largest batch. */
  readonly inputShape: I;
  /** Shape of the results with the largest batch. */
  readonly outputShape: O;
  /** The batch sizes of inputs. */
  readonly batchSizes: readonly number[];
  /** How many calls of `run` compute at the same time. */
  readonly concurrency: number;
  /** How many further calls of `run` may wait. */
  readonly maxQueue: number;

  readonly #settings: PlanSettings;
  #version: Version;
  readonly #queue: CallQueue;
  #pending = 0;
  #disposed = false;
  #whenIdle: (() => void)[] = [];

  private constructor(key: typeof fromPackage, model: object, settings: PlanSettings) {
    requirePackage(key, 'Plan', 'compile(model, shape)');
    this.#settings = settings;
    this.#version = this.#compiled(model);
    this.inputShape = settings.inputShape as I;
    const { program, engine } = this.#prepared(settings.inputShape[0]);
    this.outputShape = program.outputShape as O;
    this.batchSizes =
      settings.batchSizes ?? Object.freeze(Array.from({ length: settings.inputShape[0] }, (_, i) => i + 1));
    this.concurrency = settings.concurrency;
    this.maxQueue = settings.maxQueue;
    for (const size of settings.batchSizes ?? []) this.#prepared(size);
    this.#queue = new CallQueue(this.concurrency, engine.arenaLength(program));
  }

  /** Names of the operations in order, for the largest batch. */
  get operations(): readonly string[] {
    return this.#prepared(this.inputShape[0]).program.steps.map(({ operation }) => operation);
  }

  /** The plan's memory. */
  get memory(): PlanMemory {
    const { arena, parts, rest } = this.#prepared(this.inputShape[0]).program;
    const bytes = Float32Array.BYTES_PER_ELEMENT;
    return {
      arena: this.#queue.arenaLength * bytes,
      withoutReuse: (parts * arena.unshared + (rest?.arena.unshared ?? 0)) * bytes,
      weights: this.#version.model.weightBytes,
    };
  }

  /** Number of calls of `run` that compute or wait. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Computes the result now, on this thread.
   * @param x Of the compiled shape, with any of the batch sizes; without a tape.
   * @throws TypeError for a tensor with a tape, RangeError for another shape.
   */
  runSync(x: Tensor<I>, options?: RunSyncOptions<O>): Tensor<O> {
    const { out } = requireOptions('options', options, ['out']);
    const input = this.#readInput(x);
    const prepared = this.#prepared(input.shape[0]);
    const target = readOut(out, prepared.program);
    // Another arena while calls of run() use this plan's.
    const own = this.#queue.idleArena(prepared.program);
    const arena = own ?? Storage.take(prepared.engine.arenaLength(prepared.program));
    try {
      const output = Storage.take(resultLength(prepared.program));
      try {
        const memory = { input: storageOf(input), output };
        prepared.engine.run(prepared.executable, arena, memory);
        return finish(prepared.program, memory, output, target) as Tensor<O>;
      } catch (error) {
        output.release();
        throw error;
      }
    } finally {
      if (arena !== own) arena.release();
    }
  }

  /**
   * Computes the result without blocking the event loop. Calls start in the order in which they are made, up to
   * `concurrency` at a time.
   * @param x As for `runSync`. Its values are copied, so it may be changed or disposed of during the call.
   * @returns Rejects with the signal's reason if the signal is aborted; with an Error if `maxQueue` calls are waiting; with the
   * errors of `runSync`.
   */
  async run(x: Tensor<I>, options?: RunOptions<O>): Promise<Tensor<O>> {
    const given = requireOptions('options', options, ['out', 'signal']);
    const signal = readCallSignal(given.signal);
    throwIfAborted(signal);
    const input = this.#readInput(x);
    if (this.#pending >= this.concurrency + this.maxQueue) {
      throw plainError(
        'ERR_BATCHNORM_QUEUE_FULL',
        `Expected at most ${this.maxQueue} waiting calls of run(), the plan's maxQueue, but there are as many already`,
      );
    }
    // Before any code of the user runs, the model's or the signal's: it may call dispose(), which waits for this call.
    this.#pending++;
    try {
      return (await this.#compute(input, given.out, signal)) as Tensor<O>;
    } finally {
      this.#pending--;
      if (this.#pending === 0) for (const wake of this.#whenIdle.splice(0)) wake();
    }
  }

  /**
   * Replaces the weights and settings by those of another model of the same structure. Calls that were made before finish
   * with the old ones.
   * @throws RangeError for another structure, errors of `compile`. Nothing has changed then.
   */
  update(model: object): void {
    this.#requireUsable();
    const version = this.#compiled(asPart('model', model));
    for (const size of new Set([this.inputShape[0], ...(this.#settings.batchSizes ?? [])])) {
      const difference = compare(this.#programOf(version, size).program, this.#prepared(size).program);
      if (difference !== undefined) {
        throw wrongValue('model', 'a model of the same structure as the compiled one', difference);
      }
    }
    this.#version = version;
  }

  /** Waits for the calls that were made, then releases the memory. Later calls are errors. */
  async dispose(): Promise<void> {
    if (!this.#disposed) {
      this.#disposed = true;
      if (this.#pending > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
      this.#queue.release();
    } else if (this.#pending > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
  }

  /** Called by `await using`; the same as `dispose()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #compute(input: Tensor<Shape>, out: unknown, signal: CallSignal | undefined): Promise<Tensor<Shape>> {
    const prepared = this.#prepared(input.shape[0]);
    const target = readOut(out, prepared.program);
    const copy = Storage.take(elementCount(input.shape));
    try {
      copy.values.set(storageOf(input).values);
      const output = Storage.take(resultLength(prepared.program));
      try {
        const memory = { input: copy, output };
        await this.#finished(prepared, memory, signal);
        return finish(prepared.program, memory, output, target);
      } catch (error) {
        output.release();
        throw error;
      }
    } finally {
      copy.release();
    }
  }

  /** Runs a program. Nothing uses the memory any more when this resolves or rejects. */
  async #finished(prepared: Prepared, memory: CallMemory, signal: CallSignal | undefined): Promise<void> {
    let stop: (() => void) | undefined;
    // Before the call starts, because a signal may be any object, and a method of it that throws must leave nothing running.
    const forget = onAbort(signal, () => stop?.());
    try {
      throwIfAborted(signal);
      const outcome = await new Promise<Outcome>((resolve) => {
        stop = this.#queue.start(prepared, memory, resolve);
      });
      if (outcome.kind === 'failed') throw outcome.error;
      if (outcome.kind === 'stopped') throw abortReason(signal);
    } finally {
      forget();
    }
  }

  #readInput(x: unknown): Tensor<Shape> {
    this.#requireUsable();
    const input = requireUntaped('x', x);
    const { inputShape, batchSizes } = this.#settings;
    const [most, ...sample] = inputShape;
    const [size, ...given] = input.shape;
    const isSize = batchSizes === undefined ? size >= 1 && size <= most : batchSizes.includes(size);
    if (isSize && sameShape(given, sample)) return input;
    const sizes = batchSizes === undefined ? `1 to ${most}` : batchSizes.join(', ');
    const expected = `shape ${formatShape(inputShape)} with a batch of ${sizes}`;
    throw wrongShape('x', expected, `shape ${formatShape(input.shape)}`);
  }

  #requireUsable(): void {
    if (!this.#disposed) return;
    throw typeError('ERR_BATCHNORM_DISPOSED', 'This plan was disposed. Call dispose() after its last call');
  }

  #compiled(model: object): Version {
    return { model: new CompiledModel(model), programs: new Map() };
  }

  #prepared(size: number): Prepared {
    return this.#programOf(this.#version, size);
  }

  #resultShape(size: number): Shape | undefined {
    const { model, programs } = this.#version;
    const known = programs.get(size);
    if (known !== undefined) return known.program.outputShape;
    try {
      return model.resultShape(this.#shapeOf(size));
    } catch {
      return undefined;
    }
  }

  #shapeOf(size: number): Shape {
    return [size, ...this.#settings.inputShape.slice(1)];
  }

  #programOf({ model, programs }: Version, size: number): Prepared {
    const known = programs.get(size);
    if (known !== undefined) return known;
    const program = model.program(this.#shapeOf(size));
    const engine = engineFor(program);
    const prepared = { program, engine, executable: engine.prepare(program) };
    programs.set(size, prepared);
    return prepared;
  }
}

/** The result of a call as a tensor, or written into `out`. */
function finish(
  { result, constants, outputShape }: Program,
  { input }: CallMemory,
  output: Storage,
  out: Tensor<Shape> | undefined,
): Tensor<Shape> {
  if (result !== undefined) output.values.set(sourceOf(result, input, constants));
  if (out === undefined) return createTensor<Shape, NoneTape>(outputShape, output, undefined);
  const target = storageOf(out);
  target.values.set(output.values);
  target.version++;
  output.release();
  return out;
}

function sourceOf({ memory, offset, length }: Place, input: Values, constants: readonly Float32Array[]) {
  const array = memory === memories.input ? input.values : constants[memory - memories.constants];
  return array.subarray(offset, offset + length);
}

function readOut(out: unknown, { outputShape }: Program): Tensor<Shape> | undefined {
  if (out === undefined) return undefined;
  const tensor = requireUntaped('out', out);
  storageOf(tensor).requireAttached();
  if (sameShape(tensor.shape, outputShape)) return tensor;
  throw wrongShape('out', `shape ${formatShape(outputShape)}`, `shape ${formatShape(tensor.shape)}`);
}

/** The first difference between two programs besides the values of constants. */
function compare(given: Program, expected: Program): string | undefined {
  const shapes = [given, expected].map(({ outputShape }) => formatShape(outputShape));
  if (shapes[0] !== shapes[1]) return `one whose results have shape ${shapes[0]}`;
  const operations = [given, expected].map(({ steps }) => steps.map(({ operation }) => operation).join(', '));
  if (operations[0] !== operations[1]) return 'one with other operations';
  const places = [given, expected].map(({ steps, constants }) =>
    JSON.stringify([
      steps.map(({ args }) => args.filter((each) => typeof each === 'object')),
      constants.map(({ length }) => length),
    ]),
  );
  return places[0] === places[1] ? undefined : 'one with other shapes';
}
