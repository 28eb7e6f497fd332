import { expect } from 'chai';
import { resolve } from 'node:path';
import { guideSnippets, runSnippet } from '../dist-dev/test/install/docs/guide-snippets.js';

describe('the guides that need TensorFlow.js', () => {
  const snippets = guideSnippets().filter(({ code, setup }) => (setup + code).includes("'@tensorflow/tfjs'"));
  const packages = { '@tensorflow/tfjs': resolve('build-tfjs/node_modules/@tensorflow/tfjs') };

  for (const snippet of snippets) {
    it(`run as written: ${snippet.page}:${snippet.line}`, () => runSnippet(snippet, packages));
  }

  it('are found', () => {
    expect(snippets).to.have.length(4);
  });
});
