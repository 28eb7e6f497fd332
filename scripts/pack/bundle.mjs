// Replaces the hundred compiled modules in dist/ by one file for each entry and one for what they share: to find,
// read and link a hundred takes longer than to run them. The declarations stay as they are.
import { buildSync } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** @param manifest package.json, whose `exports` and `bin` name the entries. */
export function bundle(manifest) {
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (/\.js(\.map)?$/.test(name)) rmSync(join('dist', name));
  }
  buildSync({
    entryPoints: entriesOf(manifest).map((name) => ({ in: `lib/${name}.ts`, out: name })),
    outdir: 'dist',
    // Two levels deep like lib/backend/, so that the paths to prebuilds/ in it hold.
    chunkNames: 'shared/[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    // Names stay: errors and util.inspect show them. Maps and sources would be a quarter of the package.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
  });
}

/** 'index' of './dist/index.js'. */
function entriesOf({ exports, bin = {} }) {
  const files = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)];
  return files
    .map((file) => /^\.\/dist\/(.*)\.js$/.exec(file ?? '')?.[1])
    .filter((name) => name !== undefined);
}
