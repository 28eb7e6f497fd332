import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = packageRoot();

/** The path of a file in the checkout. */
export function packagePath(...names: string[]): string {
  return join(root, ...names);
}

/** The path of the sources of the tests, which hold the reference numbers; compiled tests are in another tree. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
      if (name === 'batchnorm') return directory;
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error('Expected a package.json of batchnorm above the tests');
    directory = parent;
  }
}
