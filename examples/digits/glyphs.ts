import type { Point, Stroke } from './stroke.js';

/** One way to write a digit. */
export type Glyph = readonly Stroke[];

// Coordinates are in hundredths of the digit's square: '50,0 50,100' goes down its middle.
const line = (points: string): Stroke => ({ kind: 'line', points: parse(points) });
const curve = (points: string): Stroke => ({ kind: 'curve', points: parse(points) });
const loop = (points: string): Stroke => ({ kind: 'loop', points: parse(points) });

function parse(points: string): Point[] {
  return points.split(' ').map((point) => {
    const [x, y] = point.split(',');
    return [Number(x) / 100, Number(y) / 100];
  });
}

function ring(x: number, y: number, radiusX: number, radiusY: number): Stroke {
  const points = Array.from({ length: 8 }, (_, i): Point => {
    const angle = (i * Math.PI) / 4;
    return [(x + radiusX * Math.sin(angle)) / 100, (y - radiusY * Math.cos(angle)) / 100];
  });
  return { kind: 'loop', points };
}

const zero: readonly Glyph[] = [
  [ring(50, 50, 32, 50)],
  [ring(50, 50, 22, 50)],
  [ring(50, 50, 32, 50), line('70,12 30,88')],
  // begins and ends at the top without closing
  [curve('60,4 34,6 20,40 26,84 50,100 76,80 78,36 50,0')],
];

const one: readonly Glyph[] = [
  [line('50,0 50,100')],
  [line('30,24 54,0 54,100')],
  [line('32,22 52,0 52,100'), line('30,100 74,100')],
];

const two: readonly Glyph[] = [
  [curve('22,26 32,6 54,0 75,14 74,38 56,64 22,100'), line('22,100 80,100')],
  [curve('24,20 48,0 74,18 66,50 38,88 22,96 20,82 36,80 60,98 82,92')],
  [curve('24,10 56,0 76,20 62,54 26,96 44,94 80,98')],
];

const three: readonly Glyph[] = [
  [curve('24,12 50,0 74,14 70,38 42,48'), curve('42,48 72,56 80,78 56,100 22,88')],
  [line('24,0 76,0 46,42'), curve('46,42 74,52 78,80 50,100 22,88')],
  // the middle is a small loop
  [curve('26,8 58,0 74,18 58,42 42,46 46,54 62,48 78,68 66,94 24,96')],
];

const four: readonly Glyph[] = [
  [line('62,100 62,0 18,66 84,66')],
  [line('28,0 22,54 80,54'), line('66,16 62,100')],
  [curve('30,2 20,36 34,54 70,48'), line('74,4 66,100')],
];

const five: readonly Glyph[] = [
  [line('76,0 32,0 28,44'), curve('28,44 54,36 78,58 72,88 48,100 22,90')],
  [curve('80,2 38,4 30,38 60,46 76,70 58,98 22,94')],
  // the top is drawn last and does not touch
  [curve('34,6 28,42 58,42 76,68 56,98 22,94'), line('40,2 82,0')],
];

const six: readonly Glyph[] = [
  [curve('70,2 42,20 24,58 30,88 54,100 76,82 70,58 48,52 27,70')],
  [curve('62,0 40,30 28,62'), ring(52, 74, 25, 26)],
  [curve('74,10 50,0 28,24 24,70'), ring(50, 72, 26, 28)],
];

const seven: readonly Glyph[] = [
  [line('20,0 80,0 42,100')],
  [line('20,0 80,0 42,100'), line('34,52 76,48')],
  [line('20,18 22,2 80,0'), curve('80,0 58,40 46,100')],
];

const eight: readonly Glyph[] = [
  [ring(50, 24, 22, 24), ring(50, 74, 28, 26)],
  [loop('72,12 50,0 28,14 36,38 64,58 76,80 50,100 24,80 38,57 66,36')],
  // one stroke that does not close at the top right
  [curve('78,6 46,0 28,20 46,44 72,66 68,94 38,98 26,74 48,46 70,12')],
];

const nine: readonly Glyph[] = [
  [ring(48, 28, 26, 28), line('74,26 70,100')],
  [curve('74,24 54,0 28,14 28,42 50,54 72,32 76,62 62,94 30,98')],
  [ring(50, 26, 25, 26), curve('75,22 70,60 44,100')],
];

/** The variants of each digit. */
export const glyphs: readonly (readonly Glyph[])[] = [
  zero,
  one,
  two,
  three,
  four,
  five,
  six,
  seven,
  eight,
  nine,
];
