import { expect } from 'chai';
import { emulated } from '../../support/node-process.js';
import { guideSnippets, runSnippet, snippetsOf } from './guide-snippets.js';

describe('the guides', () => {
  // examples/serving/test/guides.test.mjs and test/tfjs/guide.test.mjs run the others, which need other packages.
  const others = /from '(sharp|prom-client|@tensorflow\/tfjs)'/;
  const snippets = guideSnippets().filter(({ code, setup }) => !others.test(setup + code));

  for (const snippet of snippets) {
    it(`run as written: ${snippet.page}:${snippet.line}`, function () {
      if (emulated && snippet.language === 'ts') this.skip(); // compiling takes minutes
      runSnippet(snippet, {});
    });
  }

  it('are found with their setup code', () => {
    expect(snippets.length).to.be.at.least(5);
    const text =
      'Text\n\n<!-- setup\nlet x = 1;\n-->\n\n```js\nx++;\n```\n\n```sh\nls\n```\n\n```ts\nlet y;\n```\n';
    expect(snippetsOf('page', text)).to.deep.equal([
      { page: 'page', line: 3, language: 'js', setup: 'let x = 1;\n', code: 'x++;\n' },
      { page: 'page', line: 15, language: 'ts', setup: '', code: 'let y;\n' },
    ]);
    expect(() => snippetsOf('page', '```javascript\n```\n')).to.throw('js or ts');
  });

  it('fail if their code fails', () => {
    const snippet = { page: 'page', line: 1, setup: '' } as const;
    const fails = (language: 'js' | 'ts', code: string) => () => {
      runSnippet({ ...snippet, language, code }, {});
    };
    expect(fails('js', 'const x: number = 1;')).to.throw('SyntaxError');
    expect(fails('js', "import { nothing } from 'batchnorm';")).to.throw('nothing');
    if (!emulated) expect(fails('ts', "const x: number = 'text';")).to.throw('TS2322');
  });
});
