// Files whose packed content differs from the checkout.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const originals = 'build-pack';

export function replaceFile(name, text) {
  mkdirSync(originals, { recursive: true });
  copyFileSync(name, join(originals, name));
  writeFileSync(name, text);
}

/** Also called before packing, since an earlier run may have been killed. */
export function restoreFiles() {
  if (!existsSync(originals)) return;
  for (const name of readdirSync(originals)) renameSync(join(originals, name), name);
}
