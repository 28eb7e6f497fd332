// The package's entry for browsers: ES modules that need none of Node's.
import { build } from 'esbuild';
import { browserOptions, browserPlugin } from './plugin.mjs';

/** Entries that make sense in browsers, by their names in lib/. */
export const browserEntries = ['index', 'raw', 'onnx'];

/**
 * Writes NAME.mjs for each entry, and what they share. They load ../../prebuilds/wasm32/batchnorm.wasm.
 * @param {string} folder
 */
export async function buildBrowserEntries(folder) {
  await build({
    ...browserOptions,
    entryPoints: browserEntries.map((name) => `lib/${name}.ts`),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[hash]',
    splitting: true,
    // Minified, unlike the files for Node: pages download them. Lines stay short enough to be shown with an error.
    minify: true,
    lineLimit: 200,
    // The names of classes are part of messages and of JSON.
    keepNames: true,
    plugins: [browserPlugin()],
  });
}
