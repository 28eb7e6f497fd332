import type { RandomSource } from 'batchnorm';
import { type Glyph, glyphs } from './glyphs.js';
import { normal, uniform } from './random.js';
import type { Look } from './render.js';

/** Deviations of a writer's points from the glyph, and of an image's points from the writer's. */
const HABIT_WOBBLE = 0.03;
const IMAGE_WOBBLE = 0.012;

/** A writer who writes each digit in one way. */
export interface Writer {
  readonly glyphs: readonly Glyph[];
  readonly shear: number;
  readonly aspect: number;
  readonly strokeWidth: number;
}

export function inventWriter(rng: RandomSource): Writer {
  return {
    glyphs: glyphs.map((styles) => wobble(styles[Math.floor(rng() * styles.length)], HABIT_WOBBLE, rng)),
    shear: normal(rng, 0.16),
    aspect: uniform(rng, 0.75, 1.15),
    strokeWidth: uniform(rng, 1.4, 3.2),
  };
}

/** A new sample of the writer's digit. */
export function write(writer: Writer, digit: number, rng: RandomSource): Glyph {
  return wobble(writer.glyphs[digit], IMAGE_WOBBLE, rng);
}

/** A new sample of the image settings. */
export function chooseLook(writer: Writer, rng: RandomSource): Look {
  const paper = uniform(rng, 0, 0.3);
  const scale = uniform(rng, 0.75, 1.1);
  return {
    shiftX: uniform(rng, -2, 2),
    shiftY: uniform(rng, -2, 2),
    scaleX: scale * writer.aspect,
    scaleY: scale,
    rotation: normal(rng, 0.12),
    shear: writer.shear + normal(rng, 0.04),
    strokeWidth: writer.strokeWidth * uniform(rng, 0.85, 1.15),
    paper,
    ink: paper + uniform(rng, 0.35, 0.7),
    noise: uniform(rng, 0.05, 0.25),
  };
}

function wobble(glyph: Glyph, deviation: number, rng: RandomSource): Glyph {
  return glyph.map(({ kind, points }) => ({
    kind,
    points: points.map(([x, y]) => [x + normal(rng, deviation), y + normal(rng, deviation)] as const),
  }));
}
