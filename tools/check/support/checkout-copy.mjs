// A copy of the checkout without the addon built on this machine, so that the binary in prebuilds/ is loaded.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { capture } from '../../process.mjs';

/** Copies tracked files, compiled TypeScript and prebuilds/. */
export function copyCheckout(folder) {
  rmSync(folder, { recursive: true, force: true });
  const files = capture('git', ['ls-files', '-z']).split('\0').filter(Boolean);
  for (const file of [...files, 'dist', 'dist-dev', 'prebuilds']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
}
