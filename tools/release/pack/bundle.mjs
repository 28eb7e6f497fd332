// Replaces the compiled modules in dist/ by the published bundles: a CommonJS file for each entry and for each group of
// modules that entries share, since finding, reading and linking a hundred modules takes longer than running them.
//
// CommonJS, because Jest cannot load ES modules in CommonJS projects, and because the package's state (the storage pool, the
// ids of tensors, the chosen backend, the classes that `instanceof` compares) must exist once in a process that uses both
// `import` and `require`. Bundlers get an ES module (the condition "module" in package.json) that notes where they put the
// binaries and exports what the same CommonJS files export. Declarations that no
// public one refers to are removed; the others stay as they are.
import { build, transformSync } from 'esbuild';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { browserEntries, buildBrowserEntries } from '../../build/browser/entry.mjs';
import { platforms } from '../prebuild/targets.mjs';
import { toCommonJs } from './commonjs.mjs';
import { reduceDeclarations } from './declarations.mjs';
import { withShortLocalNames } from './local-names.mjs';
import { withShortStrings } from './long-strings.mjs';
import { withTabs } from './tabs.mjs';

const target = 'node20.19';

/** @param manifest package.json of the checkout, whose `exports` and `bin` name the entries. */
export async function bundle(manifest) {
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (/\.js(\.map)?$/.test(name)) rmSync(join('dist', name));
  }
  const publicEntries = namesOf(Object.values(manifest.exports).map((entry) => entry.default));
  const commands = namesOf(Object.values(manifest.bin));
  const { outputFiles, metafile } = await build({
    entryPoints: [
      ...publicEntries.map((name) => ({ in: `lib/${name}.ts`, out: `shared/${name}` })),
      ...[...commands, 'backend/bundled'].map((name) => ({ in: `lib/${name}.ts`, out: name })),
    ],
    outdir: 'dist',
    // At the same depth as lib/backend/, so that the paths to prebuilds/ stay valid.
    chunkNames: 'shared/[hash]',
    bundle: true,
    splitting: true,
    // Development dependencies that the library imports are bundled.
    external: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    platform: 'node',
    format: 'esm',
    target,
    // One statement per line, since Node prints the source line of an uncaught error.
    write: false,
    metafile: true,
    plugins: [wholeLibraryForCommands],
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) {
    const script = withShortLocalNames(toCommonJs(path, text), target);
    write(path, withTabs(path, withShortStrings(script)));
  }

  write('dist/THIRD-PARTY-LICENSES.txt', licensesOf(metafile));
  write('dist/backend/traced-binary.js', tracedBinary());
  write('dist/backend/bundled-binary.mjs', moduleOf('lib/backend/bundled-binary.ts'));
  for (const name of publicEntries) {
    const { exports } = metafile.outputs[`dist/shared/${name}.js`];
    write(`dist/${name}.js`, entry(name, exports));
    write(`dist/${name}.mjs`, entryForBundlers(name, exports));
  }
  await buildBrowserEntries('dist/browser');
  for (const name of browserEntries) write(`dist/browser/${name}.d.mts`, `export * from '../${name}.js';\n`);
  reduceDeclarations(publicEntries);
}

/** The licenses of the packages that are part of the bundle. */
function licensesOf({ inputs }) {
  const folders = Object.keys(inputs).flatMap(
    (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [],
  );
  const notices = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${folder} has no license file`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return `This package contains code of the following packages.\n\n${notices.join('\n---\n\n')}`;
}

/**
 * Dynamic imports of commands count as imports of the whole library. Otherwise esbuild would create a file for each part
 * that only some commands need, and every program that imports the package would read a dozen files instead of a few.
 */
const wholeLibraryForCommands = {
  name: 'whole-library-for-commands',
  setup({ onResolve, onLoad }) {
    const namespace = 'command';
    onResolve({ filter: /^\./ }, ({ kind, path, importer, resolveDir }) => {
      if (kind !== 'dynamic-import' || !importer.includes('cli')) return undefined;
      return { path: resolve(resolveDir, path.replace(/\.js$/, '.ts')), namespace };
    });
    onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: [
        `export * from './${basename(path)}';`,
        `export * as library from '${resolve('lib/index.ts').replaceAll('\\', '/')}';`,
      ].join('\n'),
      resolveDir: dirname(path),
    }));
  },
};

/** 'index' for './dist/index.js'. */
function namesOf(files) {
  return files
    .map((file) => /^\.\/dist\/(.*)\.js$/.exec(file ?? '')?.[1])
    .filter((name) => name !== undefined);
}

function moduleOf(file) {
  const text = readFileSync(file, 'utf8');
  return transformSync(text, { loader: 'ts', format: 'esm', target }).code;
}

/** A separate file, because Node searches the text of imported CommonJS for exports, which takes 60 ms for the whole package. */
function entry(name, exports) {
  return `"use strict";
require('./backend/traced-binary.js');
const batchnorm = require('./shared/${name}.js');
${exports.map((each) => `exports.${each} = batchnorm.${each};\n`).join('')}`;
}

/**
 * Contains the path of the binary in the form that ncc and Node File Trace (in Next and deployment tools) recognize: as a
 * whole literal, in CommonJS that parses as ES2020. In ES module bundles this code throws and has no effect.
 */
function tracedBinary() {
  const cases = platforms.map(
    (name) => `    case '${name}':
      bundled.traced = path.join(__dirname, '../../prebuilds/${name}/batchnorm.node');
      break;
`,
  );
  return `"use strict";
const { bundled } = require('./bundled.js');
try {
  const path = require('path');
  switch (\`\${process.platform}-\${process.arch}\`) {
${cases.join('')}  }
} catch {
  // Bundled into an ES module, which has no __dirname.
}
`;
}

function entryForBundlers(name, exports) {
  return `import './backend/bundled-binary.mjs';
import batchnorm from './${name}.js';
export default batchnorm;
export const {
${exports.map((each) => `  ${each},\n`).join('')}} = batchnorm;
`;
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
