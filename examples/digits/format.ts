const grouped = new Intl.NumberFormat('en-US');

/** `12,345` */
export function integer(value: number): string {
  return grouped.format(Math.round(value));
}

/** `97.53 %` */
export function percent(part: number, digits: number): string {
  return `${(100 * part).toFixed(digits)} %`;
}

/** Rows of cells, indented; the first column is left-aligned, the others are right-aligned. */
export function table(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const cells of lines) {
    cells.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return lines
    .map((cells) => {
      const aligned = cells.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      );
      return `  ${aligned.join('  ')}`.trimEnd();
    })
    .join('\n');
}
