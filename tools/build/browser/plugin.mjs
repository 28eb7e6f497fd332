// The parts of an esbuild bundle of the library that differ in browsers.
import { resolve } from 'node:path';

/** What the library uses of Node's modules where it also runs in browsers. */
const replacements = {
  'node:os': `export const totalmem = () => 2 ** 32;
export const endianness = () => 'LE';
export const availableParallelism = () => 1;`,
  'node:util': `export const types = {
  isNativeError: (value) => value instanceof Error,
  isRegExp: (value) => value instanceof RegExp,
  isProxy: () => false,
};`,
  'node:v8': `export const getHeapStatistics = () => ({ heap_size_limit: Infinity, used_heap_size: 0 });
export const setFlagsFromString = () => { throw new Error('Browsers have no flags of V8'); };`,
  'node:timers/promises': `export const setImmediate = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); resolve(); };
  port2.postMessage(null);
});`,
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
  inject: ['tools/build/browser/buffer.js'],
  logLevel: 'warning',
};
