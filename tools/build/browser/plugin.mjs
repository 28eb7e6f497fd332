// The parts of an esbuild bundle of the library that differ in browsers.
import { resolve } from 'node:path';

/** Replacements of the members of Node's modules that the library uses in browsers, too. */
const replacements = {
  'node:os': `export const totalmem = () => 2 ** 32;
export const endianness = () => 'LE';
export const availableParallelism = () => 1;`,
  'node:util': `export const types = {
  isNativeError: (value) => value instanceof Error,
  isMap: (value) => value instanceof Map,
  isRegExp: (value) => value instanceof RegExp,
  isSet: (value) => value instanceof Set,
  isProxy: () => false,
};`,
  'node:v8': `export const getHeapStatistics = () => ({ heap_size_limit: Infinity, used_heap_size: 0 });
export const setFlagsFromString = () => { throw new Error('Browsers have no flags of V8'); };`,
  'node:timers/promises': `const later = setImmediate;
export { immediate as setImmediate };
const immediate = () => new Promise((resolve) => { later(resolve); });`,
  'node:zlib': `const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value;
});
export function crc32(bytes, before = 0) {
  let value = ~before;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}`,
};

/** Any other module: its functions throw when they are called. */
const absent = (name) => `module.exports = new Proxy({}, {
  get: (_, member) => member === '__esModule' ? true : function () {
    throw new Error(\`\${String(member)}() of ${name} is not available in browsers\`);
  },
});`;

/**
 * @param {string} [wasm] Path of the WebAssembly module, to become part of the bundle. Without it, the bundle loads the
 * module from the package.
 * @returns {import('esbuild').Plugin}
 */
export function browserPlugin(wasm) {
  return {
    name: 'browser',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^batchnorm$/ }, () => ({ path: resolve('lib/index.ts') }));
      onResolve({ filter: /backend\/index\.js$|^\.\/index\.js$/ }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        if (file !== resolve('lib/backend/index.js')) return undefined;
        return { path: resolve('lib/backend/browser/index.ts') };
      });
      onResolve({ filter: /files\/path\.js$|^\.\/path\.js$/ }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        if (file !== resolve('lib/io/files/path.js')) return undefined;
        return { path: resolve('lib/io/files/path-in-browser.ts') };
      });
      if (wasm !== undefined) {
        onResolve({ filter: /wasm-module\.js$/ }, () => ({ path: resolve(wasm), namespace: 'embedded' }));
        onLoad({ filter: /./, namespace: 'embedded' }, ({ path }) => ({
          contents: `import bytes from ${JSON.stringify(path)};\nexport const wasmModule = async () => bytes;`,
          resolveDir: resolve('.'),
        }));
      }
      onResolve({ filter: /^(node:.*|yauzl|yazl)$/ }, ({ path }) => ({ path, namespace: 'node' }));
      onLoad({ filter: /./, namespace: 'node' }, ({ path }) => ({
        contents: replacements[path] ?? absent(path),
      }));
    },
  };
}

/** Options of every bundle for browsers. */
export const browserOptions = {
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  loader: { '.wasm': 'binary' },
  define: { 'process.env': '{}', 'process.platform': '"browser"', 'process.arch': '"wasm32"' },
  inject: [resolve('tools/build/browser/globals.js')],
  logLevel: 'warning',
};
