// A hash of all sources of a binary, to detect one that is older than its sources.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The inputs of the generated argument readers of the binding, including files of lib/. */
const { signatureSources } = JSON.parse(readFileSync('native/build.json', 'utf8'));

/** Normalized to be equal on every system: paths with /, lines ending in \n. */
export function sourcesHash() {
  const hash = createHash('sha256');
  const folders = ['native', 'cmake'].flatMap(filesOf);
  for (const file of new Set([...folders, ...signatureSources, 'CMakeLists.txt'].sort())) {
    const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
    hash.update(`${file}\0${text}\0`);
  }
  for (const name of ['node-addon-api', 'node-api-headers']) {
    hash.update(`${name}@${require(`${name}/package.json`).version}\0`);
  }
  return hash.digest('hex');
}

function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.replaceAll('\\', '/'));
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
