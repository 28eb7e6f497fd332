import type { EndOfLease, Lease } from '../tensor/lease.js';
import { formatShape, type Shape } from '../tensor/shape.js';
import { arrayText } from './array-text.js';
import type { InspectOptions } from './inspect.js';

/** NumPy's line width; `util.inspect` may ask for shorter lines. */
const maxWidth = 75;

const lostValues: Readonly<Record<EndOfLease, string>> = {
  backward: 'consumed by backward()',
  update: 'consumed by update()',
  dispose: 'disposed',
};

/**
 * `Tensor<[2], OwnedTape> [1., 2.]`; values that take several lines begin in a line of their own. A tensor without
 * values says why: `Tensor<[2]> (disposed)`.
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
  if (lease.reason !== undefined) return `${type} (${lostValues[lease.reason]})`;
  const { storage } = lease;
  if (storage.isDetached) return `${type} (its buffer was transferred)`;
  const oneLine = breakLength === Infinity && compact !== false;
  const width = oneLine ? Infinity : Math.min(maxWidth, breakLength);
  const text = arrayText(storage.values, shape, { width });
  const fits = !text.includes('\n') && type.length + 1 + text.length <= width;
  return fits && compact !== false ? `${type} ${text}` : `${type}\n${text}`;
}
