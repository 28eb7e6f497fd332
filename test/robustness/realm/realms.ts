import { buildSync } from 'esbuild';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import * as ownPackage from 'batchnorm';
import * as ownRaw from 'batchnorm/raw';
import { packagePath } from '../../support/package-path.js';

/** The package in one realm. */
export type Package = typeof ownPackage & { readonly raw: typeof ownRaw };

/** Classes of a realm and values created by them. */
export interface Realm {
  readonly floats: (...values: number[]) => Float32Array;
  readonly doubles: (...values: number[]) => Float64Array;
  readonly bytes: (...values: number[]) => Uint8Array;
  readonly integers: (...values: number[]) => Int32Array;
  readonly bigIntegers: () => BigInt64Array;
  readonly view: () => DataView;
  /** Objects and arrays of the realm from a JSON text. */
  readonly json: (text: string) => unknown;
  readonly url: (path: string) => URL;
  readonly TypeError: new () => Error;
}

const source = `((hasUrl) => ({
  floats: (...values) => Float32Array.of(...values),
  doubles: (...values) => Float64Array.of(...values),
  bytes: (...values) => Uint8Array.of(...values),
  integers: (...values) => Int32Array.of(...values),
  bigIntegers: () => new BigInt64Array(1),
  view: () => new DataView(new ArrayBuffer(4)),
  json: (text) => JSON.parse(text),
  // A vm context has no URL; jsdom, for example, has its own class with these properties.
  url: (path) =>
    hasUrl
      ? new URL('file://' + path)
      : new (class URL { href = 'file://' + path; protocol = 'file:'; })(),
  TypeError,
}))(typeof URL === 'function')`;

export const here: Package = { ...ownPackage, raw: ownRaw };

export const ownRealm = vm.runInThisContext(source) as Realm;

/** A realm with its own classes, and the package loaded in it as test runners do. */
export function otherRealm(): { realm: Realm; there: Package } {
  const context = vm.createContext({});
  const realm = vm.runInContext(source, context) as Realm;
  // Node's globals, which test runners copy into contexts.
  const { process, Buffer, URL, TextDecoder, TextEncoder, setTimeout, setImmediate } = globalThis;
  Object.assign(context, { process, Buffer, URL, TextDecoder, TextEncoder });
  Object.assign(context, { setTimeout, setImmediate, structuredClone });
  const exports = {};
  const wrapper = vm.runInContext(`(function (require, module, exports) { ${commonJs()}\n})`, context) as (
    require: NodeJS.Require,
    module: object,
    exports: object,
  ) => void;
  const module = { exports };
  wrapper(createRequire(import.meta.url), module, exports);
  return { realm, there: module.exports as Package };
}

/** The compiled package as one CommonJS file. */
function commonJs(): string {
  const dist = packagePath('dist');
  const { outputFiles } = buildSync({
    // As in the published package: messages name classes.
    keepNames: true,
    stdin: {
      contents: "export * from './index.js'; export * as raw from './raw.js';",
      resolveDir: dist,
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    // A vm script has no import().
    supported: { 'dynamic-import': false },
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(packagePath('dist/backend/index.js')).href),
    },
  });
  return outputFiles[0].text;
}
