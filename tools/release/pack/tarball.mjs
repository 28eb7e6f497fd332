// The package as npm packs it, for tests.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { capture } from '../../process.mjs';

/** The tarball in BATCHNORM_TARBALL if set, otherwise a new one in `folder`. */
export function packedTarball(folder) {
  if (process.env.BATCHNORM_TARBALL) return resolve(process.env.BATCHNORM_TARBALL);
  mkdirSync(folder, { recursive: true });
  const output = capture('npm', ['pack', '--silent', '--pack-destination', folder]);
  return join(folder, output.trim().split('\n').at(-1));
}
