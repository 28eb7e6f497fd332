// A copy of the checkout without what was built on this machine, so that the binary of prebuilds/ is loaded.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { capture } from '../../process.mjs';

/** What git knows, what was compiled, and prebuilds/. */
export function copyCheckout(folder) {
  rmSync(folder, { recursive: true, force: true });
  const files = capture('git', ['ls-files', '-z']).split('\0').filter(Boolean);
  for (const file of [...files, 'dist', 'dist-dev', 'prebuilds']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
}
