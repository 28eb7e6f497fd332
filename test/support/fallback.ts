import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The backend that the package in this folder uses without a native binary. */
export function fallbackIn(folder: string): 'wasm' | 'portable' {
  const places = ['build/wasm', 'prebuilds/wasm32'];
  return places.some((place) => existsSync(join(folder, place, 'batchnorm.wasm'))) ? 'wasm' : 'portable';
}
