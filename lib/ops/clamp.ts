import { freshFloats } from '../backend/allocation.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { graphsOf, recorded } from '../core/record.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireOptions, wrongType, wrongValue } from '../validation/errors.js';

/** The bounds of `clamp`. */
export interface ClampOptions {
  /** Smaller values become this one. Default: no lower bound. */
  readonly min?: number;
  /** Larger values become this one. Default: no upper bound. */
  readonly max?: number;
}

/** min(max(x, lower bound), upper bound) */
export function clamp<T extends Tape>(x: Tensor<Shape, T>, options: ClampOptions): Tensor<Shape, T> {
  // requireOptions takes missing options for none.
  if ((options as unknown) === undefined) throw wrongType('options', 'an object with min or max', options);
  const given = requireOptions('options', options, ['min', 'max']);
  const min = readBound('min', given.min, -Infinity);
  const max = readBound('max', given.max, Infinity);
  if (min > max) throw wrongValue('max', `a number of at least min (${min})`, String(max));
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  const lower = named('b', new Float32Array([min]));
  const upper = named('b', new Float32Array([max]));
  const result = Storage.take(n);
  backend.maximum(1, n, 1, input.named('a'), lower, result.named('out'));
  backend.minimum(1, n, 1, result.named('a'), upper, result.named('out'));
  return recorded(graphs, inputs, x.shape, result, () => ({
    saved: [input],
    backward: (dy, accumulate) => {
      const mask = freshFloats('working space', n);
      const zeros = named('a', freshFloats('working space', n));
      const dx = Storage.take(n);
      backend.less(1, n, 1, input.named('a'), lower, named('out', mask));
      backend.where(n, named('condition', mask), zeros, dy.named('b'), dx.named('out'));
      backend.greater(1, n, 1, input.named('a'), upper, named('out', mask));
      backend.where(n, named('condition', mask), zeros, dx.named('b'), dx.named('out'));
      accumulate(0, dx);
    },
  }));
}

function readBound(argument: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number') throw wrongType(argument, 'a number', value);
  if (Number.isNaN(value)) throw wrongValue(argument, 'a number', 'NaN');
  return Math.fround(value);
}
