// The pages of the API site besides the API: those that docs/README.md links to, in its order and under its headings.
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * @typedef {object} Page
 * @property {string} file Path in the checkout, with /.
 * @property {string} name The text of the link in docs/README.md, which the navigation shows.
 * @property {string} category The heading above the link.
 * @property {string} slug Its file on the site, without .html.
 */

/** @returns {Page[]} */
export function indexedPages() {
  const pages = [];
  let category = '';
  for (const line of readFileSync('docs/README.md', 'utf8').split('\n')) {
    category = /^## (.*)$/.exec(line)?.[1] ?? category;
    const [, text, target] = /^- \[(.*?)\]\(([^)]+\.md)\)/.exec(line) ?? [];
    if (target === undefined) continue;
    const file = join('docs', target).replaceAll('\\', '/');
    const name = text.replaceAll('`', '');
    pages.push({ file, name, category, slug: slugOf(file, name) });
  }
  return pages;
}

/** `docs/guide/data.md` is `data`, `examples/serving/README.md` is `serving-example`, and SECURITY.md, "Security policy" in the
 * index, is `security-policy`. */
function slugOf(file, name) {
  if (dirname(file) === '.') return name.toLowerCase().replaceAll(' ', '-');
  return basename(file) === 'README.md' ? `${basename(dirname(file))}-example` : basename(file, '.md');
}
