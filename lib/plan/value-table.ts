import type { Shape } from '../core/shape.js';
import { storageOf } from '../core/tensor.js';
import type { NamedTensor } from '../module/module.js';
import { captureError } from './capture-error.js';
import type { CapturedArray, CapturedValue } from './captured-graph.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A value and the memory that it is in during the capture. */
interface Entry {
  readonly value: Writable<CapturedValue>;
  readonly memory: Float32Array;
}

interface Place {
  readonly value: Writable<CapturedValue>;
  readonly offset: number;
}

/** The values in one buffer. */
interface Entries {
  readonly all: Entry[];
  /** The first entry that begins at each byte, which most arrays are. */
  readonly byStart: Map<number, Entry>;
}

/** Finds the value that an array belongs to, during one run of a model. */
export class ValueTable {
  readonly input: CapturedValue;
  /** The values that calls have used. */
  readonly values: CapturedValue[] = [];
  readonly #entries = new Map<ArrayBufferLike, Entries>();

  constructor(input: Float32Array, shape: Shape, parameters: readonly NamedTensor[]) {
    const entry = this.#add(input, 'input');
    entry.value.shape = shape;
    this.input = this.use(input).value;
    for (const [name, tensor] of parameters) {
      const numbers = storageOf(tensor).values;
      if (this.#lookup(numbers) !== undefined) continue;
      Object.assign(this.#add(numbers, 'parameter').value, { name, numbers, shape: tensor.shape });
    }
  }

  /** Notes memory for a new value, which is a constant until a call writes it. */
  allocate(memory: Float32Array): void {
    this.#add(memory, 'constant');
  }

  /** Notes the shape of a tensor, unless an earlier one shares the array. */
  setShape(array: Float32Array, shape: Shape): void {
    this.find(array).value.shape ??= shape;
  }

  /** The value that an array is, or is a part of. */
  find(array: Float32Array): Place {
    const { value, memory } = this.#lookup(array) ?? this.#add(array, 'constant');
    return { value, offset: (array.byteOffset - memory.byteOffset) / array.BYTES_PER_ELEMENT };
  }

  /** The value as an input of a call. Its content is copied if JavaScript has written it. */
  read(array: Float32Array): CapturedArray {
    const { value, offset } = this.use(array);
    if (value.kind === 'constant') value.numbers ??= this.#lookup(array)?.memory.slice();
    return { value, offset };
  }

  /** The value as a result of a call. */
  write(array: Float32Array): CapturedArray {
    const { value, offset } = this.use(array);
    if (value.kind === 'constant') value.kind = 'result';
    if (value.kind !== 'result') throw captureError(`it changes ${value.name ?? 'its input'}`);
    return { value, offset };
  }

  /** Whether an array is the result of a call. */
  isWritten(array: Float32Array): boolean {
    return this.find(array).value.kind === 'result';
  }

  /** The value, listed among those that are used. */
  use(array: Float32Array): Place {
    const found = this.find(array);
    if (found.value.index < 0) {
      found.value.index = this.values.length;
      this.values.push(found.value);
    }
    return found;
  }

  #add(memory: Float32Array, kind: CapturedValue['kind']): Entry {
    const { length } = memory;
    const value = { index: -1, kind, name: undefined, length, shape: undefined, numbers: undefined };
    const entry: Entry = { value, memory };
    const others = this.#entries.get(memory.buffer) ?? { all: [], byStart: new Map<number, Entry>() };
    this.#entries.set(memory.buffer, others);
    others.all.push(entry);
    if (!others.byStart.has(memory.byteOffset)) others.byStart.set(memory.byteOffset, entry);
    return entry;
  }

  #lookup(array: Float32Array): Entry | undefined {
    const entries = this.#entries.get(array.buffer);
    const begins = entries?.byStart.get(array.byteOffset);
    if (begins !== undefined && contains(begins, array)) return begins;
    return entries?.all.find((entry) => contains(entry, array));
  }
}

function contains({ memory }: Entry, { byteOffset, byteLength }: Float32Array): boolean {
  const end = memory.byteOffset + memory.byteLength;
  return (
    byteOffset >= memory.byteOffset &&
    byteOffset + byteLength <= end &&
    // An empty array is no part of the value that ends where it is.
    (byteLength > 0 || memory.byteLength === 0 || byteOffset < end)
  );
}
