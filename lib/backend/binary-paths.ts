import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundled } from './bundled.js';

const target = `${process.platform}-${process.arch}`;

/** Platforms for which a release contains a binary. */
export const targets: readonly string[] = [
  ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
  ...['win32-x64', 'win32-arm64'],
];

/**
 * Candidate paths in order of preference: built on this machine, shipped in the package, copied by a bundler,
 * placed beside a bundle by hand.
 */
export function* binaryPaths(): Generator<string> {
  const here = thisFile();
  const places = [
    here && new URL('../../build/Release/batchnorm.node', here),
    here && new URL(`../../prebuilds/${target}/batchnorm.node`, here),
    bundled.traced,
    bundled.binary,
  ];
  for (const place of places) {
    const path = toPath(place);
    if (path !== undefined) yield path;
  }
  const beside = besideBundle();
  if (beside !== undefined) yield beside;
}

/** Candidate paths of the WebAssembly module: built on this machine, shipped in the package. */
export function* wasmPaths(): Generator<string> {
  const here = thisFile();
  for (const place of ['../../build/wasm/batchnorm.wasm', '../../prebuilds/wasm32/batchnorm.wasm']) {
    const path = toPath(here && new URL(place, here));
    if (path !== undefined) yield path;
  }
}

/**
 * The message about the file to copy, and its destination, if this code runs in a bundle and the package has
 * a binary for this platform; undefined in the package itself.
 */
export function missingCopy(): string | undefined {
  if (!targets.includes(target) || isPackage()) return undefined;
  const source = `node_modules/batchnorm/prebuilds/${target}/batchnorm.node`;
  const destination = copiedBinary() ?? besideBundle() ?? 'the folder of the bundle';
  return `this bundle has lost its native binary; copy ${source} to ${destination}`;
}

/**
 * The path of this file; undefined in a bundle that is an ES module. The packed package is CommonJS, and
 * tools/release/pack/ replaces import.meta.url by the URL of __filename.
 */
function thisFile(): string | undefined {
  return import.meta.url;
}

/** Whether this file is in the package; bundles keep neither its folder nor its package.json. */
function isPackage(): boolean {
  const here = thisFile();
  if (here === undefined) return false;
  try {
    const manifest = readFileSync(new URL('../../package.json', here), 'utf8');
    return (JSON.parse(manifest) as { name?: unknown }).name === 'batchnorm';
  } catch (error) {
    // If reading is forbidden, the package may well exist.
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/**
 * The path to which a bundler has copied the binary. A bundler that ignores binaries leaves the path in the
 * package.
 */
function copiedBinary(): string | undefined {
  const path = toPath(bundled.binary);
  const isCopy = !path?.replaceAll('\\', '/').endsWith(`/prebuilds/${target}/batchnorm.node`);
  return isCopy ? path : undefined;
}

function besideBundle(): string | undefined {
  // Turbopack's __filename and webpack's import.meta.url name files that do not exist when the bundle runs.
  const main = process.argv[1] ? pathToFileURL(process.argv[1]).href : undefined;
  const file = [thisFile(), bundled.url, main].find((url) => existsSync(toPath(url) ?? ''));
  return file && toPath(new URL('./batchnorm.node', file));
}

function toPath(place: URL | string | undefined): string | undefined {
  const text = String(place ?? '');
  if (text.startsWith('file:')) return fileURLToPath(text);
  // ncc replaces the URL by a path.
  return typeof place === 'string' ? place : undefined;
}
