import { formatShape } from '../core/shape.js';
import { isTaped } from '../core/tensor.js';
import { wrongShape } from '../validation/errors.js';
import { concat } from './concat.js';
import { readImageShape } from './image-shape.js';
import { readSignalPlanes } from './pool.js';
import type { AnyTensor } from './operand.js';
import { mean } from './reductions.js';
import { slice } from './slice.js';

/**
 * The means of a grid of windows that cover the images, `rows` by `columns`: window i of an axis of `size` extends from
 * floor(i * size / count) to ceil((i + 1) * size / count), as in PyTorch.
 */
export function adaptiveAvgPool(x: AnyTensor, rows: number, columns: number): AnyTensor {
  const { plane } = readImageShape('x', x.shape);
  if (plane === 0) throw wrongShape('x', 'at least one pixel', `shape ${formatShape(x.shape)}`);
  const rank = x.shape.length;
  // Every window is a rectangle, so the mean of its rows' means is its mean.
  const lines = meansAlong(x, rank - 2, rows);
  const result = meansAlong(lines, rank - 1, columns);
  release(lines);
  return result;
}

/** The same for signals, [C, L] or [N, C, L]. */
export function adaptiveAvgPoolSignals(x: AnyTensor, count: number): AnyTensor {
  const { width } = readSignalPlanes(x.shape);
  if (width === 0) throw wrongShape('x', 'at least one value', `shape ${formatShape(x.shape)}`);
  return meansAlong(x, x.shape.length - 1, count);
}

function meansAlong(x: AnyTensor, axis: number, count: number): AnyTensor {
  const size = x.shape[axis];
  const means = Array.from({ length: count }, (_, i) => {
    const [start, end] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    const window = slice(x, { axis, start, end });
    const result = mean(window, { axes: [axis], keepDims: true });
    release(window);
    return result;
  });
  const joined = concat<readonly AnyTensor[], number>(means, { axis });
  for (const each of means) release(each);
  return joined;
}

/** Returns the memory of a temporary tensor, unless a graph does so later. */
function release(x: AnyTensor): void {
  if (!isTaped(x)) x.dispose();
}
