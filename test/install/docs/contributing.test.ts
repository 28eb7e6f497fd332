import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';

const page = readFileSync(packagePath('CONTRIBUTING.md'), 'utf8');

describe('CONTRIBUTING.md', () => {
  it('names files and folders that exist', () => {
    const code = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
    const paths = code.filter(
      (text) =>
        /^(?:native|lib|test|tools|bench|docs|examples|cmake|\.ci|\.github)\/[\w./-]+$/.test(text) &&
        // x stands for a new operation, layer or ISA.
        !/\b(?:simd_)?x(?:_\w+)?\./.test(text) &&
        text !== 'docs/api/',
    );
    expect(paths).to.have.length.above(30);
    for (const path of paths) expect(existsSync(packagePath(path)), path).to.equal(true);
  });

  it('shows the source tree as it is', () => {
    const [, tree = ''] = /## Source tree\n\n```\n([^]*?)```/.exec(page) ?? [];
    let folder = '';
    let count = 0;
    // Names, then a description behind two spaces or more. Deeper lines continue a description.
    for (const [, indent = '', names = ''] of tree.matchAll(/^( {2})?((?:[\w./-]+ )*[\w./-]+)(?: {2}|$)/gm)) {
      if (indent === '') folder = names;
      for (const name of names.split(' ')) {
        const path = indent === '' ? name : `${folder}${name}`;
        expect(existsSync(packagePath(path)), path).to.equal(true);
        count++;
      }
    }
    expect(count).to.be.above(30);
  });

  it('shows every folder of the library, the native code, the tests and the tools', () => {
    const [, tree = ''] = /## Source tree\n\n```\n([^]*?)```/.exec(page) ?? [];
    for (const top of ['lib', 'native', 'test', 'tools']) {
      const [, lines = ''] = new RegExp(`^${top}/.*\\n((?: .*\\n)*)`, 'm').exec(tree) ?? [];
      const folders = readdirSync(packagePath(top), { withFileTypes: true }).filter((each) =>
        each.isDirectory(),
      );
      for (const { name } of folders) expect(lines, `${top}/${name}`).to.include(` ${name}/`);
    }
  });
});
