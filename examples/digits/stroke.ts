/** x points right, y down; a digit fills the square from (0, 0) to (1, 1). */
export type Point = readonly [x: number, y: number];

/** One movement of the pen. */
export interface Stroke {
  /** `line` has a corner at every point, `curve` passes smoothly through them, `loop` is a curve that
   * returns to its first point. */
  readonly kind: 'line' | 'curve' | 'loop';
  readonly points: readonly Point[];
}

const PIECES_PER_CURVE_SECTION = 5;

/** The points of a polyline that approximates the stroke. */
export function toPolyline({ kind, points }: Stroke): readonly Point[] {
  if (kind === 'line' || points.length < 3) return points;
  const loop = kind === 'loop';
  const count = points.length;
  const at = (i: number): Point =>
    loop ? points[(i + count) % count] : points[Math.min(Math.max(i, 0), count - 1)];

  const polyline: Point[] = [];
  const sections = loop ? count : count - 1;
  for (let section = 0; section < sections; section++) {
    const neighbors = [at(section - 1), at(section), at(section + 1), at(section + 2)] as const;
    for (let piece = 0; piece < PIECES_PER_CURVE_SECTION; piece++) {
      polyline.push(catmullRom(neighbors, piece / PIECES_PER_CURVE_SECTION));
    }
  }
  polyline.push(at(sections));
  return polyline;
}

/** Between the second and the third point; tangents are parallel to the chords of the neighbors. */
function catmullRom([p0, p1, p2, p3]: readonly [Point, Point, Point, Point], t: number): Point {
  const along = (axis: 0 | 1): number => {
    const startTangent = (p2[axis] - p0[axis]) / 2;
    const endTangent = (p3[axis] - p1[axis]) / 2;
    const rise = p2[axis] - p1[axis];
    const quadratic = 3 * rise - 2 * startTangent - endTangent;
    const cubic = startTangent + endTangent - 2 * rise;
    return p1[axis] + t * (startTangent + t * (quadratic + t * cubic));
  };
  return [along(0), along(1)];
}
