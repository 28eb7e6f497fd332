import type { RandomSource } from 'batchnorm';
import type { Glyph } from './glyphs.js';
import { uniform } from './random.js';
import { type Point, toPolyline } from './stroke.js';

/** Rows and columns of an image. */
export const SIZE = 28;
/** Height of a digit in pixels at scale 1, as in MNIST. */
const BODY = 20;

/** The settings of an image besides its digit. Lengths are in pixels, angles in radians. */
export interface Look {
  readonly shiftX: number;
  readonly shiftY: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly rotation: number;
  /** Offset of the top to the right of the bottom, relative to the height. */
  readonly shear: number;
  readonly strokeWidth: number;
  /** Brightness of the strokes and of the background, from 0 to 1. */
  readonly ink: number;
  readonly paper: number;
  /** Maximum amount that is added to or subtracted from each pixel. */
  readonly noise: number;
}

/** Draws a glyph into the SIZE x SIZE bytes of `image`. */
export function render(glyph: Glyph, look: Look, rng: RandomSource, image: Uint8Array): void {
  const distances = new Float64Array(SIZE * SIZE).fill(Infinity);
  const reach = look.strokeWidth / 2 + 0.5;
  const place = placement(look);
  for (const stroke of glyph) {
    const points = toPolyline(stroke).map(place);
    for (let i = 1; i < points.length; i++) lower(distances, points[i - 1], points[i], reach);
  }
  for (let i = 0; i < image.length; i++) {
    // A pixel is covered if its center is at least half a pixel inside the stroke's edge, and bare half a pixel outside.
    const cover = Math.min(Math.max(reach - Math.sqrt(distances[i]), 0), 1);
    const clean = look.paper + cover * (look.ink - look.paper);
    const value = clean + uniform(rng, -look.noise, look.noise);
    image[i] = Math.round(255 * Math.min(Math.max(value, 0), 1));
  }
}

/** Maps the unit square of a glyph to pixels; the center of pixel (0, 0) is (0, 0). */
function placement(look: Look): (point: Point) => Point {
  const center = (SIZE - 1) / 2;
  const cos = Math.cos(look.rotation);
  const sin = Math.sin(look.rotation);
  return ([x, y]) => {
    const up = 0.5 - y;
    const right = (x - 0.5 + look.shear * up) * BODY * look.scaleX;
    const down = -up * BODY * look.scaleY;
    return [center + look.shiftX + cos * right - sin * down, center + look.shiftY + sin * right + cos * down];
  };
}

/** Updates the squared distances of the pixels within reach with those from the segment ab. */
function lower(distances: Float64Array, a: Point, b: Point, reach: number): void {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const squaredLength = dx * dx + dy * dy;
  const left = Math.max(Math.ceil(Math.min(a[0], b[0]) - reach), 0);
  const right = Math.min(Math.floor(Math.max(a[0], b[0]) + reach), SIZE - 1);
  const top = Math.max(Math.ceil(Math.min(a[1], b[1]) - reach), 0);
  const bottom = Math.min(Math.floor(Math.max(a[1], b[1]) + reach), SIZE - 1);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const fromA = (x - a[0]) * dx + (y - a[1]) * dy;
      const along = squaredLength === 0 ? 0 : Math.min(Math.max(fromA / squaredLength, 0), 1);
      const awayX = x - a[0] - along * dx;
      const awayY = y - a[1] - along * dy;
      const pixel = y * SIZE + x;
      distances[pixel] = Math.min(distances[pixel], awayX * awayX + awayY * awayY);
    }
  }
}
