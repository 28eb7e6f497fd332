// Every link within the API site must lead to a file and, where it names one, to an element of that page. Part of
// `npm run docs`, which builds the site.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const site = resolve('docs/api');
const ids = new Map();
const pages = readdirSync(site, { recursive: true })
  .filter((name) => name.endsWith('.html'))
  .map((name) => join(site, name));

let count = 0;
for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  for (const [, attribute, value] of text.matchAll(/\s(href|src)="([^"]*)"/g)) {
    const link = value.replaceAll('&amp;', '&');
    if (/^(https?|mailto|data):/.test(link)) continue;
    count++;
    const problem = problemOf(page, link);
    if (problem === undefined) continue;
    process.exitCode = 1;
    console.error(`${page.slice(site.length + 1)}: ${attribute}="${link}" ${problem}`);
  }
}
console.log(`${pages.length} pages with ${count} links within the site`);

function problemOf(page, link) {
  const [path, fragment = ''] = link.split('#');
  let file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  // Web servers answer with the folder's index.
  if (path.endsWith('/')) file = join(file, 'index.html');
  if (!existsSync(file) || !statSync(file).isFile()) return 'is no file of the site';
  if (fragment === '' || !file.endsWith('.html')) return undefined;
  return idsOf(file).has(decodeURIComponent(fragment)) ? undefined : 'names no element of that page';
}

function idsOf(file) {
  if (!ids.has(file)) {
    const found = readFileSync(file, 'utf8').matchAll(/\sid="([^"]*)"/g);
    ids.set(file, new Set([...found].map(([, id]) => id.replaceAll('&amp;', '&'))));
  }
  return ids.get(file);
}
