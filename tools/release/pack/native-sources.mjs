// The C++ sources as published: without comments and indentation, which are a third of their size. They serve builds from
// source; who reads them has the repository.
import { readdirSync, readFileSync } from 'node:fs';
import { replaceFile } from './replaced-files.mjs';

const stringsAndComments = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/.*|\/\*[^]*?\*\//g;

/** Replaces every source by its published version. */
export function replaceNativeSources() {
  for (const name of readdirSync('native', { recursive: true, encoding: 'utf8' })) {
    if (!/\.(cc|h)$/.test(name)) continue;
    const file = `native/${name.replaceAll('\\', '/')}`;
    replaceFile(file, withoutComments(readFileSync(file, 'utf8')));
  }
}

/** @returns {string} C++ without comments, empty lines and indentation. */
export function withoutComments(text) {
  return text
    .replace(stringsAndComments, (match) => (match.startsWith('/') ? '' : match))
    .replace(/^[ \t]+|[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trimStart();
}
