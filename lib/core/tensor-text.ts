import type { EndOfLease, Lease } from './lease.js';
import { formatShape, type Shape } from './shape.js';
import { arrayText } from './array-text.js';
import type { InspectOptions } from '../printing/inspect.js';

/** NumPy's line width; `util.inspect` may ask for shorter lines. */
const maxWidth = 75;

const reasons: Readonly<Record<EndOfLease, string>> = {
  backward: 'consumed by backward()',
  update: 'consumed by update()',
  gradients: 'disposed with its gradients',
  graph: 'consumed by disposeGraph()',
  dispose: 'disposed',
  intermediate: 'released by a composition',
  failure: 'released after an error',
};

/**
 * For example `Tensor<[2], OwnedTape> [1., 2.]`. Values that need several lines start on a new line. A tensor that has
 * lost its values says why: `Tensor<[2]> (disposed)`.
 */
export function tensorText(
  { shape }: { readonly shape: Shape },
  lease: Lease,
  taped: boolean,
  depth: number | null = null,
  { compact = true, breakLength = maxWidth }: InspectOptions = {},
): string {
  const type = `Tensor<${formatShape(shape)}${taped ? ', OwnedTape' : ''}>`;
  if (depth !== null && depth < 0) return `[${type}]`;
  const lost = lostValues(lease);
  if (lost !== undefined) return `${type} (${lost})`;
  const oneLine = breakLength === Infinity && compact !== false;
  const width = oneLine ? Infinity : Math.min(maxWidth, breakLength);
  const text = arrayText(lease.storage.values, shape, { width });
  const fits = !text.includes('\n') && type.length + 1 + text.length <= width;
  return fits && compact !== false ? `${type} ${text}` : `${type}\n${text}`;
}

/** Why a tensor no longer has values; undefined if it has them. */
export function lostValues(lease: Lease): string | undefined {
  if (lease.reason !== undefined) return reasons[lease.reason];
  return lease.storage.isDetached ? 'its buffer was transferred' : undefined;
}
