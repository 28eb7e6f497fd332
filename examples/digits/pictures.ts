/** A picture as lines of text. */
export type Picture = readonly string[];

const SHADES = ' ░▒▓█';
/** Pixels cropped at each side, which digits rarely reach. */
const MARGIN = 2;

/**
 * Draws a grayscale image with the darkest pixel as a space and the brightest as a full block. Characters are about
 * twice as high as wide, so each stands for two pixels, one above the other.
 */
export function draw(pixels: Uint8Array, rows: number, columns: number): Picture {
  const darkest = pixels.reduce((min, value) => Math.min(min, value), 255);
  const range = pixels.reduce((most, value) => Math.max(most, value), 0) - darkest || 1;
  const lines: string[] = [];
  for (let row = MARGIN; row + 1 < rows - MARGIN; row += 2) {
    let line = '';
    for (let column = MARGIN; column < columns - MARGIN; column++) {
      const upper = pixels[row * columns + column];
      const lower = pixels[(row + 1) * columns + column];
      const brightness = ((upper + lower) / 2 - darkest) / range;
      line += SHADES[Math.min(Math.floor(brightness * SHADES.length), SHADES.length - 1)];
    }
    lines.push(line);
  }
  return lines;
}

/** Pictures of the same size side by side, with a title above each. */
export function sideBySide(pictures: readonly Picture[], titles: readonly string[]): string {
  const width = pictures[0]?.[0]?.length ?? 0;
  const titled = pictures.map((picture, i) => [titles[i].padEnd(width).slice(0, width), ...picture]);
  const lines = titled[0]?.map((_, line) => titled.map((picture) => picture[line]).join('  ')) ?? [];
  return lines.map((line) => `  ${line}`.trimEnd()).join('\n');
}
