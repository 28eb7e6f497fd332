import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'examples/serving/README.md'],
  ...readdirSync(packagePath('docs'), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join('docs', name.replaceAll('\\', '/')))
    .filter((name) => name.endsWith('.md') && !name.startsWith('docs/api/')),
];

function read(page: string): string {
  return readFileSync(packagePath(page), 'utf8');
}

/** The page without its code, in which brackets are no links. */
function prose(page: string): string {
  return read(page)
    .replace(/^```[^]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '`');
}

/** Targets of links that lead neither to another server nor to a mail address. */
function localLinks(page: string): readonly string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:https?|mailto):/.test(target));
}

/** The anchors that GitHub gives to headings. The API site has the same. */
function anchors(page: string): readonly string[] {
  const headings = read(page)
    .replace(/^```[^]*?^```/gm, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('links in the documentation', () => {
  for (const page of pages) {
    it(`lead somewhere: ${page}`, () => {
      for (const link of localLinks(page)) {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        expect(existsSync(packagePath(target)), link).to.equal(true);
        if (anchor !== undefined) expect(anchors(target), link).to.include(anchor);
      }
    });
  }

  it('lead from the index to every page', () => {
    const linked = localLinks('docs/README.md').map((link) => posix.join('docs', link));
    expect(linked).to.include.members(pages.filter((page) => page !== 'docs/README.md'));
  });
});
