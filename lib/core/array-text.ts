import { elementCount, type Shape } from './shape.js';
import { type NumberFormat, numberFormat } from '../printing/number-format.js';

// The layout of NumPy's array2string(separator=', '): nested brackets, aligned columns, lines of at most 75
// characters, and only the first and last three values along each axis of arrays with more than 1000 values.

const maxInFull = 1000;
const edgeItems = 3;
const defaultWidth = 75;

/** NumPy has no such limit and prints all 1.7 million values of shape [6, 6, 6, 6, 6, 6, 6, 6]. Beyond this many values
 * only one index of the outer axes is shown. */
const maxShown = 10_000;

export interface ArrayTextOptions {
  /** Maximum line width in characters. Default 75; Infinity prints one line. */
  readonly width?: number;
}

/** Formats row-major values. Reads only the values that it shows. */
export function arrayText(values: Float32Array, shape: Shape, options?: ArrayTextOptions): string {
  if (shape.includes(0)) return '[]';
  const shown = shownIndices(shape);
  const format = numberFormat(shownValues(values, shape, shown));
  const width = options?.width ?? defaultWidth;
  return new Printer(values, shape, shown, format).text(0, 0, width, ' ');
}

/** The indices of an axis to show, in order; undefined stands for an ellipsis. */
type ShownIndices = readonly (number | undefined)[];

function shownIndices(shape: Shape): readonly ShownIndices[] {
  if (elementCount(shape) <= maxInFull) return shape.map((size) => edges(size, size));
  const shown = shape.map((size) => edges(size, edgeItems));
  const count = () => shown.reduce((product, indices) => product * countShown(indices), 1);
  for (let axis = 0; count() > maxShown; axis++) {
    if (shape[axis] > 1) shown[axis] = [0, undefined];
  }
  return shown;
}

function edges(size: number, items: number): ShownIndices {
  if (size <= 2 * items) return Array.from({ length: size }, (_, i) => i);
  const first = Array.from({ length: items }, (_, i) => i);
  return [...first, undefined, ...first.map((i) => size - items + i)];
}

function countShown(indices: ShownIndices): number {
  return indices.filter((index) => index !== undefined).length;
}

function shownValues(values: Float32Array, shape: Shape, shown: readonly ShownIndices[]): readonly number[] {
  let offsets = [0];
  for (const [axis, indices] of shown.entries()) {
    offsets = offsets.flatMap((offset) =>
      indices.flatMap((index) => (index === undefined ? [] : offset * shape[axis] + index)),
    );
  }
  return offsets.map((offset) => values[offset]);
}

class Printer {
  constructor(
    private readonly values: Float32Array,
    private readonly shape: Shape,
    private readonly shown: readonly ShownIndices[],
    private readonly format: NumberFormat,
  ) {}

  /**
   * The text of one index of the enclosing axis.
   * @param offset Index of the first value, in units of this subarray's size.
   * @param width Remaining line width, not counting the closing brackets of enclosing axes.
   * @param indent Start of the following lines.
   */
  text(axis: number, offset: number, width: number, indent: string): string {
    if (axis === this.shape.length) return this.format(this.values[offset]);
    const items = this.shown[axis].map((index) =>
      index === undefined
        ? '...'
        : this.text(axis + 1, offset * this.shape[axis] + index, width - 1, `${indent} `),
    );
    const rows = this.shape.length - axis - 1;
    if (width === Infinity) return `[${items.join(', ')}]`;
    if (rows === 0) return `[${wrapped(items, width - 1, indent)}]`;
    return `[${items.join(`,${'\n'.repeat(rows)}${indent}`)}]`;
  }
}

/** Items with commas between them, in lines of at most `width` characters without the last comma. */
function wrapped(items: readonly string[], width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const [i, item] of items.entries()) {
    if (line !== '' && indent.length + line.length + item.length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += i + 1 < items.length ? `${item}, ` : item;
  }
  return [...lines, line].join(`\n${indent}`);
}
