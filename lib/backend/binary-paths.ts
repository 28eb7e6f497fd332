import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundled } from './bundled.js';

const target = `${process.platform}-${process.arch}`;

/** Platforms that a release has a binary for. */
export const targets: readonly string[] = [
  ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
  ...['win32-x64', 'win32-arm64'],
];

/** Best first: built on this machine, in the package, copied by a bundler, put beside a bundle by hand. */
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

/**
 * What to copy where, if this code is part of a bundle and the package has a binary for this platform; undefined in the
 * package itself.
 */
export function missingCopy(): string | undefined {
  if (!targets.includes(target) || isPackage()) return undefined;
  const source = `node_modules/batchnorm/prebuilds/${target}/batchnorm.node`;
  const destination = copiedBinary() ?? besideBundle() ?? 'the folder of the bundle';
  return `this bundle has lost its native binary; copy ${source} to ${destination}`;
}

/**
 * Undefined in a bundle that is an ES module: the packed package is CommonJS, and tools/release/pack/ replaces import.meta.url
 * by the URL of __filename.
 */
function thisFile(): string | undefined {
  return import.meta.url;
}

/** Bundles keep neither the package's folder nor its package.json. */
function isPackage(): boolean {
  const here = thisFile();
  if (here === undefined) return false;
  try {
    const manifest = readFileSync(new URL('../../package.json', here), 'utf8');
    return (JSON.parse(manifest) as { name?: unknown }).name === 'batchnorm';
  } catch (error) {
    // Where reading it is forbidden, the package may well be there.
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/** Where a bundler has copied the binary. Those that know nothing of binaries leave the path in the package. */
function copiedBinary(): string | undefined {
  const path = toPath(bundled.binary);
  const isCopy = !path?.replaceAll('\\', '/').endsWith(`/prebuilds/${target}/batchnorm.node`);
  return isCopy ? path : undefined;
}

function besideBundle(): string | undefined {
  // Turbopack's __filename and webpack's import.meta.url name files that are not there when the bundle runs.
  const main = process.argv[1] ? pathToFileURL(process.argv[1]).href : undefined;
  const file = [thisFile(), bundled.url, main].find((url) => existsSync(toPath(url) ?? ''));
  return file && toPath(new URL('./batchnorm.node', file));
}

function toPath(place: URL | string | undefined): string | undefined {
  const text = String(place ?? '');
  if (text.startsWith('file:')) return fileURLToPath(text);
  // ncc puts a path in place of a URL.
  return typeof place === 'string' ? place : undefined;
}
