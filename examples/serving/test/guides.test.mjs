import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { guideSnippets, runSnippet } from '../../../dist-dev/test/install/docs/guide-snippets.js';

describe('the guides that need sharp', () => {
  const snippets = guideSnippets().filter(({ code }) => code.includes("from 'sharp'"));
  const sharp = fileURLToPath(new URL('../node_modules/sharp', import.meta.url));
  for (const snippet of snippets) {
    it(`run as written: ${snippet.page}:${snippet.line}`, () => runSnippet(snippet, { sharp }));
  }

  it('are found', () => {
    expect(snippets).to.have.length(1);
  });
});
