// Shortens the names of local variables and parameters, a sixth of the published JavaScript. Functions, classes, members and
// line breaks stay, which an error's message and stack show.
import { transformSync } from 'esbuild';

/** @returns {string} the same script; names at its top level stay, because they could be global ones. */
export function withShortLocalNames(text, target) {
  return transformSync(text, { minifyIdentifiers: true, legalComments: 'none', target }).code;
}
