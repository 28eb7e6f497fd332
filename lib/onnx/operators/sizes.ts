import type { Sizes } from '../values.js';
import type { NodeReader } from './node-reader.js';

// Sizes of results, as far as they are known when a model is imported.

export const sameAsInput = (node: NodeReader): Sizes | undefined => node.sizes(0);

/** A product of which an unknown factor makes the result unknown. */
export function product(sizes: Sizes): number | string {
  return sizes.reduce<number | string>((a, b) => {
    if (a === 1) return b;
    if (b === 1) return a;
    return typeof a === 'number' && typeof b === 'number' ? a * b : '?';
  }, 1);
}

/** The sizes of operands that broadcast as in NumPy. */
export function broadcastSizes(all: readonly (Sizes | undefined)[]): Sizes | undefined {
  let result: Sizes = [];
  for (const sizes of all) {
    if (sizes === undefined) return undefined;
    const [long, short] = sizes.length > result.length ? [sizes, result] : [result, sizes];
    result = long.map((size, i) => {
      const other = i < long.length - short.length ? 1 : short[i - long.length + short.length];
      if (other === 1) return size;
      if (size === 1) return other;
      return typeof size === 'number' ? size : other;
    });
  }
  return result;
}

export const broadcastInputs = (node: NodeReader): Sizes | undefined =>
  broadcastSizes(Array.from({ length: node.count }, (_, i) => node.sizes(i)));
