import type { Shape } from 'batchnorm';
import { writeNpy } from './npy.js';
import { writeZip, type ZipEntry } from './zip.js';

/** Names and shapes of the arrays that are loaded. */
export const wanted: readonly (readonly [name: string, shape: Shape])[] = [
  ['scale.npy', [3]],
  ['weight.npy', [4, 5]],
  ['kernel.npy', [2, 3, 2, 2]],
];

const valuesOf = (shape: Shape, seed: number) =>
  Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    Math.fround(Math.sin(i + seed) * 10 ** ((i % 7) - 3)),
  );

const types = ['<f4', '>f4', '<f8', '>f8', '<f2', '>f2', '<V2', '<i4', '>i2', '<i8', '|u1', '|b1'];

/** Entries of valid archives of every kind: stored and deflated, both orders, every type and version. */
export const kinds: readonly (readonly ZipEntry[])[] = types.flatMap((descr, t) =>
  [false, true].flatMap((fortranOrder) =>
    [false, true].map((deflated, d) =>
      wanted.map(([name, shape], i) => {
        const version = ([1, 2, 3] as const)[(t + i + d) % 3];
        const bytes = writeNpy(valuesOf(shape, i), shape, { descr, fortranOrder, version });
        return { name, bytes, deflated };
      }),
    ),
  ),
);

export const archives: readonly Buffer[] = kinds.map(writeZip);
