import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { guideSnippets, runSnippet } from '../../../dist-dev/test/install/docs/guide-snippets.js';

const names = ['sharp', 'prom-client'];

describe('the guides that need packages of the serving example', () => {
  const packages = Object.fromEntries(
    names.map((name) => [name, fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url))]),
  );
  const snippets = guideSnippets().filter(({ code }) =>
    names.some((name) => code.includes(`from '${name}'`)),
  );
  for (const snippet of snippets) {
    it(`run as written: ${snippet.page}:${snippet.line}`, () => runSnippet(snippet, packages));
  }

  it('are found', () => {
    expect(snippets).to.have.length(2);
  });
});
