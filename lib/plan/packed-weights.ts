import { freshFloats } from '../backend/allocation.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import type { Operations } from '../backend/operations.js';
import {
  addValue,
  type CapturedArgument,
  type CapturedArray,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  isArray,
} from './captured-graph.js';

type Sizes = Parameters<Operations['conv2dPackedLength']>;

/** Weights of convolutions in the order in which the backend reads them, packed once for all batch sizes. */
export class PackedWeights {
  readonly #known = new Map<Float32Array, Map<string, Float32Array>>();

  /** Bytes of all of them. */
  get byteLength(): number {
    const arrays = [...this.#known.values()].flatMap((bySizes) => [...bySizes.values()]);
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /**
   * Turns the convolutions whose weights do not depend on the input into those that read packed weights. The results have
   * the same bits.
   * @param numbersOf The numbers of a parameter or constant.
   */
  replace(graph: CapturedGraph, numbersOf: (value: CapturedValue) => Float32Array): CapturedGraph {
    const values = [...graph.values];
    const calls = graph.calls.map((call): CapturedCall => {
      const { weight } = call.args;
      if (call.operation !== 'conv2d' || !isArray(weight) || weight.offset > 0) return call;
      const { value } = weight;
      if (value.kind !== 'parameter' && value.kind !== 'constant') return call;
      const numbers = numbersOf(value);
      const packed = this.#pack(
        sizesOf(call.args),
        value.numbers ?? numbers,
        numbers.subarray(0, value.length),
      );
      return withPackedWeights(call, value, addValue(values, packed.length, packed));
    });
    return { ...graph, calls, values };
  }

  #pack(sizes: Sizes, key: Float32Array, weight: Float32Array): Float32Array {
    // The batch size does not matter.
    const [, ...others] = sizes;
    const bySizes = this.#known.get(key) ?? new Map<string, Float32Array>();
    this.#known.set(key, bySizes);
    const name = others.join();
    let packed = bySizes.get(name);
    if (packed === undefined) {
      packed = freshFloats('a plan', backend.conv2dPackedLength(...sizes));
      backend.conv2dPack(...sizes, packed.length, named('weight', weight), named('packed', packed));
      bySizes.set(name, packed);
    }
    return packed;
  }
}

function sizesOf(args: CapturedCall['args']): Sizes {
  return Object.values(args).filter((value) => typeof value === 'number') as Sizes;
}

function withPackedWeights(call: CapturedCall, weight: CapturedValue, packed: CapturedArray): CapturedCall {
  const { x, weight: _, bias, y, ...sizes } = call.args;
  const args: Record<string, CapturedArgument> = {
    ...sizes,
    ...{
      relu: false,
      packedLength: packed.value.length,
      x,
      packed,
      bias,
      residual: null,
      y,
    },
  };
  const reads = call.reads.filter((value) => value !== weight);
  // The weights may be the input or the bias, too.
  const stillRead = [x, bias].some((each) => isArray(each) && each.value === weight);
  return {
    operation: 'conv2dInference',
    args,
    reads: [...reads, ...(stillRead ? [weight] : []), packed.value],
    writes: call.writes,
  };
}
