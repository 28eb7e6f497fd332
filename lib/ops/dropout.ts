import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { drawNumber } from '../core/random-source.js';
import { Storage } from '../core/storage.js';
import type { OwnedTape } from '../core/tape.js';
import { type RandomSource, storageOf, type Tensor } from '../core/tensor.js';

/**
 * Each element becomes 0 with probability p, else x / (1 - p). Two numbers of `rng` and the element's index
 * determine the choice. The backward pass repeats the computation, so no mask is stored, and all backends
 * agree.
 */
export function dropout<S extends Shape>(
  x: Tensor<S, OwnedTape>,
  p: number,
  rng: RandomSource,
): Tensor<S, OwnedTape> {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  // Before allocating, because a generator may throw.
  const keys = [word(rng), word(rng)] as const;
  const output = Storage.take(n);
  // With p = 1 all elements become 0; any finite scale will do.
  const scale = p === 1 ? 0 : 1 / (1 - p);
  backend.dropout(n, ...keys, p, scale, input.named('x'), output.named('y'));
  return recorded(graphs, inputs, x.shape, output, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      backend.dropout(n, ...keys, p, scale, dy.named('x'), dx.named('y'));
      accumulate(0, dx);
    },
  }));
}

/** The first 32 bits of a random number in [0, 1). */
function word(rng: RandomSource): number {
  return Math.floor(drawNumber('rng', rng) * 2 ** 32) >>> 0;
}
