import {
  plainError,
  rangeError,
  requireAttached,
  requireOptions,
  typeError,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { guardMethods } from '../validation/guard-methods.js';
import { isFloat32Array, isFloat64Array, isResizable, plainView } from '../validation/typed-array.js';
import { freshArray, freshFloats } from '../backend/allocation.js';
import { backgroundSums, type StartSum } from './background-sums.js';
import { type Call, type CallKind, reductions } from './call.js';
import type { CallOptions, Group, GroupArray, Reduction } from './group.js';
import type { Transport } from './transport.js';

/** Checks the arguments of every call, whichever transport carries it. */
export class ProcessGroup implements Group {
  static {
    guardMethods(this);
  }

  readonly rank: number;
  readonly size: number;
  readonly transport: 'mpi' | 'workers' | 'single';
  readonly timeout: number;
  readonly #carrier: Transport;
  readonly #released: () => void;
  #closed = false;
  /** Why the group cannot be used any more. */
  #failure: Error | undefined;

  /** @param released Called once when the group has closed. */
  constructor(carrier: Transport, timeout: number, released: () => void) {
    this.rank = carrier.rank;
    this.size = carrier.size;
    this.transport = carrier.name;
    this.timeout = timeout;
    this.#carrier = carrier;
    this.#released = released;
  }

  allGather<A extends GroupArray>(values: A, options?: CallOptions): A {
    const call = this.#gatherCall(values);
    this.#run(call, options);
    return call.result as A;
  }

  async allGatherAsync<A extends GroupArray>(values: A, options?: CallOptions): Promise<A> {
    const call = this.#gatherCall(values);
    await this.#start(call, options);
    return call.result as A;
  }

  sum<A extends GroupArray>(values: A, options?: CallOptions): A {
    this.#run(this.#call('sum', values), options);
    return values;
  }

  async sumAsync<A extends GroupArray>(values: A, options?: CallOptions): Promise<A> {
    await this.#start(this.#call('sum', values), options);
    return values;
  }

  allReduce<A extends GroupArray>(values: A, reduction?: Reduction, options?: CallOptions): A {
    this.#run(this.#call('allReduce', values, readReduction(reduction)), options);
    return values;
  }

  async allReduceAsync<A extends GroupArray>(
    values: A,
    reduction?: Reduction,
    options?: CallOptions,
  ): Promise<A> {
    await this.#start(this.#call('allReduce', values, readReduction(reduction)), options);
    return values;
  }

  broadcast<A extends GroupArray>(values: A, root?: number, options?: CallOptions): A {
    this.#run(this.#call('broadcast', values, 'sum', this.#readRoot(root)), options);
    return values;
  }

  async broadcastAsync<A extends GroupArray>(values: A, root?: number, options?: CallOptions): Promise<A> {
    await this.#start(this.#call('broadcast', values, 'sum', this.#readRoot(root)), options);
    return values;
  }

  barrier(options?: CallOptions): void {
    this.#run(this.#call('barrier', nothing), options);
  }

  async barrierAsync(options?: CallOptions): Promise<void> {
    await this.#start(this.#call('barrier', nothing), options);
  }

  close(options?: CallOptions): void {
    if (this.#closed) {
      this.#readTimeout(options);
      return;
    }
    this.#run(this.#call('close', nothing), options);
    this.#closed = true;
    this.#carrier.release();
    this.#released();
  }

  abort(message: string): never {
    if (typeof message !== 'string') throw wrongType('message', 'a string', message);
    return this.#carrier.abort(message);
  }

  /** @internal */
  get [backgroundSums](): StartSum | undefined {
    const carrier = this.#carrier;
    if (carrier.post === undefined) return undefined;
    return (values) => {
      const collect = this.#guard(() => carrier.post?.(this.#call('sum', values), this.timeout));
      return () => {
        this.#guard(() => collect?.());
      };
    };
  }

  #gatherCall(values: GroupArray): Call {
    const call = this.#call('allGather', values);
    const length = call.values.length * this.size;
    const result = isFloat32Array(values)
      ? freshFloats('a result', length)
      : freshArray(Float64Array, 'a result', length);
    return { ...call, result };
  }

  #call(kind: CallKind, values: GroupArray, reduction: Reduction = 'sum', root = 0): Call {
    if (this.#closed) {
      throw typeError('ERR_BATCHNORM_DISPOSED', `Expected an open group for ${kind}() but it was closed`);
    }
    if (this.#failure !== undefined) {
      throw plainError(
        'ERR_BATCHNORM_PEER',
        `Expected a working group for ${kind}() but an earlier call failed: ${this.#failure.message}`,
        { cause: this.#failure },
      );
    }
    const plain = readValues(values);
    return { kind, values: plain, result: plain, reduction, root };
  }

  #run(call: Call, options: unknown): void {
    const timeout = this.#readTimeout(options);
    this.#guard(() => {
      this.#carrier.run(call, timeout);
    });
  }

  #guard<R>(act: () => R): R {
    try {
      return act();
    } catch (error) {
      throw this.#noted(error);
    }
  }

  async #start(call: Call, options: unknown): Promise<void> {
    const timeout = this.#readTimeout(options);
    try {
      await this.#carrier.start(call, timeout);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /** After a mismatch all ranks have left the call; after any other error some may still be in it. */
  #noted(error: unknown): unknown {
    const { code } = error as { code?: unknown };
    if (code !== 'ERR_BATCHNORM_MISMATCH') this.#failure ??= error as Error;
    return error;
  }

  #readTimeout(options: unknown): number {
    const { timeout } = requireOptions('options', options, ['timeout']);
    return timeout === undefined ? this.timeout : requireTimeout('options.timeout', timeout);
  }

  #readRoot(root: unknown): number {
    if (root === undefined) return 0;
    const expected = `a rank from 0 to ${this.size - 1}`;
    if (typeof root !== 'number') throw wrongType('root', expected, root);
    if (!Number.isInteger(root) || root < 0 || root >= this.size) {
      throw wrongValue('root', expected, String(root));
    }
    return root;
  }
}

const nothing = new Float64Array(0);

/** The longest wait that timers accept: 24 days. */
const maxTimeout = 2 ** 31 - 1;

/** Requires a number of milliseconds. */
export function requireTimeout(argument: string, value: unknown): number {
  const expected = `a number of milliseconds above 0 and up to ${maxTimeout}`;
  if (typeof value !== 'number') throw wrongType(argument, expected, value);
  if (!(value > 0 && value <= maxTimeout)) throw wrongValue(argument, expected, String(value));
  return value;
}

function readValues(values: unknown): GroupArray {
  if (!isFloat32Array(values) && !isFloat64Array(values)) {
    throw wrongType('values', 'a Float32Array or Float64Array', values);
  }
  requireAttached('values', values);
  if (isResizable(values)) {
    throw rangeError(
      'ERR_BATCHNORM_VALUE',
      'Expected an array of fixed length for values but received one on a resizable buffer',
    );
  }
  return plainView(values);
}

function readReduction(value: unknown): Reduction {
  if (value === undefined) return 'sum';
  const expected = "'sum', 'mean', 'min' or 'max'";
  if (typeof value !== 'string') throw wrongType('reduction', expected, value);
  const reduction = reductions.find((each) => each === value);
  if (reduction === undefined) throw wrongValue('reduction', expected, JSON.stringify(value));
  return reduction;
}
