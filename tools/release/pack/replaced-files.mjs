// Files whose packed content differs from the checkout.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const originals = 'build-pack';

export function replaceFile(name, text) {
  mkdirSync(dirname(join(originals, name)), { recursive: true });
  copyFileSync(name, join(originals, name));
  writeFileSync(name, text);
}

/** Also called before packing, since an earlier run may have been killed. */
export function restoreFiles() {
  if (!existsSync(originals)) return;
  for (const entry of readdirSync(originals, { recursive: true, withFileTypes: true })) {
    const saved = join(entry.parentPath, entry.name);
    if (entry.isFile()) renameSync(saved, relative(originals, saved));
  }
  rmSync(originals, { recursive: true });
}
