// Turns drawn lines into an image like those that the network was trained with: 28 x 28 bytes, bright lines on black, the
// digit centered and 20 pixels high or wide, as in MNIST and in examples/digits/render.ts.

/** Rows and columns of an image. */
export const SIZE = 28;
/** The longer side of the digit. */
const BODY = 20;
/** Width of its lines: the mean of the training images. Scaling an image would change it with the size of the drawing. */
const LINE_WIDTH = 2.3;
/** Part of the drawing area below which a drawing is not enlarged to BODY, so that a dot remains a dot. */
const MIN_EXTENT = 0.15;

/**
 * @param strokes Points [x, y] of each line, from 0 to 1.
 * @returns SIZE * SIZE bytes; undefined if nothing is drawn.
 */
export function toImage(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return undefined;
  const [left, right] = range(points.map(([x]) => x));
  const [top, bottom] = range(points.map(([, y]) => y));
  const scale = BODY / Math.max(right - left, bottom - top, MIN_EXTENT);
  const middle = (SIZE - 1) / 2; // the center of pixel (0, 0) is (0, 0)
  const place = ([x, y]) => [
    middle + (x - (left + right) / 2) * scale,
    middle + (y - (top + bottom) / 2) * scale,
  ];
  const distances = new Float64Array(SIZE * SIZE).fill(Infinity);
  for (const stroke of strokes) {
    const placed = stroke.map(place);
    placed.forEach((point, i) => lower(distances, placed[Math.max(i - 1, 0)], point));
  }
  // A pixel is covered if its center is at least half a pixel inside the line's edge, and bare half a pixel outside.
  return Uint8Array.from(distances, (distance) =>
    Math.round(255 * clamp(LINE_WIDTH / 2 + 0.5 - Math.sqrt(distance), 0, 1)),
  );
}

function range(values) {
  return [Math.min(...values), Math.max(...values)];
}

/** Updates the squared distance of each pixel with that from the segment ab. */
function lower(distances, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const squaredLength = dx * dx + dy * dy;
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const along = squaredLength === 0 ? 0 : clamp(((x - ax) * dx + (y - ay) * dy) / squaredLength, 0, 1);
      const [awayX, awayY] = [x - ax - along * dx, y - ay - along * dy];
      const pixel = y * SIZE + x;
      distances[pixel] = Math.min(distances[pixel], awayX * awayX + awayY * awayY);
    }
  }
}

function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
