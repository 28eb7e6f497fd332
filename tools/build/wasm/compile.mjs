// Compiles the WebAssembly module. The result depends on the sources and the version of clang alone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { sourcesHash } from '../../release/prebuild/sources.mjs';
import { capture, runBeside } from '../../process.mjs';

const root = resolve(import.meta.dirname, '../../..');
const settings = JSON.parse(readFileSync(join(root, 'native/build.json'), 'utf8'));

export const compiler = process.env.CLANG ?? 'clang-19';

/** Which sources the module consists of: operations and their binding, without what an operating system provides. */
export const sources = [
  ...settings.wasmSources,
  ...settings.sources.filter((file) => file.startsWith('native/ops/')),
  ...settings.bindingSources.filter((file) => !settings.notInWasm.includes(file)),
];

/** Flags for every C++ file of the module and of its tests. */
export const compilerFlags = [
  ...settings.compilerFlags.filter((flag) => !settings.notForWasm.includes(flag)),
  ...settings.wasmCompilerFlags,
];

const newestHeader = Math.max(
  ...['native', 'test/native'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.h'))
      .map((name) => statSync(join(root, folder, name)).mtimeMs),
  ),
  statSync(join(root, 'native/build.json')).mtimeMs,
  statSync(join(root, 'lib/backend/signatures.js')).mtimeMs,
);

/**
 * Builds `file` and returns true, or returns false if it is up to date.
 * @param {string} file
 */
export async function buildWasm(file) {
  const inputs = inputsHash();
  const note = `${file}.inputs`;
  if (existsSync(file) && existsSync(note) && readFileSync(note, 'utf8') === inputs) return false;
  const folder = dirname(file);
  const objects = await compileAll(folder, sources, []);
  await runBeside(compiler, [
    ...settings.wasmCompilerFlags,
    ...settings.wasmLinkerFlags,
    ...objects,
    '-o',
    file,
  ]);
  writeFileSync(note, inputs);
  return true;
}

/** Changes with everything that the module is made of. */
function inputsHash() {
  const version = capture(compiler, ['--version']).split('\n', 1)[0];
  return createHash('sha256').update(`${sourcesHash()} ${version}`).digest('hex');
}

/**
 * Compiles files of the repository, several at a time.
 * @param {string} folder Where the objects go.
 * @param {readonly string[]} files
 * @param {readonly string[]} flags Further flags.
 * @returns {Promise<string[]>} the objects
 */
export async function compileAll(folder, files, flags) {
  const header = join(folder, 'generated/binding/signatures.h');
  mkdirSync(dirname(header), { recursive: true });
  await runBeside(process.execPath, [join(root, 'native/binding/generate-signatures.mjs'), header]);
  const objects = files.map((file) => join(folder, `${file.replaceAll('/', '-')}.o`));
  const stale = files.map((file, i) => [file, objects[i]]).filter(([file, object]) => isStale(file, object));
  const waiting = stale.map(
    ([file, object]) =>
      () =>
        compile(file, object, folder, flags),
  );
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return objects;
}

/** Whether an object is older than its source or any header. */
function isStale(file, object) {
  if (!existsSync(object)) return true;
  const { mtimeMs } = statSync(object);
  return mtimeMs < newestHeader || mtimeMs < statSync(join(root, file)).mtimeMs;
}

/** Files that are optimized for size, as for the addon: clang does not know the pragma of native/optimize_for_size.h. */
function isSmall(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return file.startsWith('native/binding/') || text.includes('#include "optimize_for_size.h"');
}

function compile(file, object, folder, flags) {
  return runBeside(
    compiler,
    [
      ...compilerFlags,
      ...flags,
      ...(isSmall(file) ? ['-Os'] : []),
      // Relative paths, so that no path of this machine becomes part of the module.
      ...['-I', 'native', '-I', relative(root, join(folder, 'generated'))],
      ...['-c', file, '-o', object],
    ],
    { cwd: root },
  );
}
