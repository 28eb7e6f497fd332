import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedProject } from './project.js';

const maxLineLength = 300;

describe('errors of the packed package', () => {
  const project = installedProject();

  for (const [kind, file, program] of [
    ['an ES module', 'fault.mjs', "import { Tensor } from 'batchnorm';"],
    ['a CommonJS module', 'fault.cjs', "const { Tensor } = require('batchnorm');"],
  ]) {
    it(`show one line of code if ${kind} does not catch them`, () => {
      project().write(file, `${program}\nTensor.zeros([-1]);\n`);
      const { status, stderr } = project().node(file);
      expect(status).to.equal(1);
      const [place, code, caret] = stderr.split('\n');
      expect(place).to.match(/batchnorm.dist.*\.js:\d+$/);
      expect(code).to.match(/^\s*(throw|return) /);
      expect(code.length).to.be.below(maxLineLength);
      expect(caret).to.match(/^\s*\^+$/);
      expect(stderr.length).to.be.below(3000);
      // The stack names the method and the line of the call.
      expect(stderr).to.match(/at (Function|Tensor|Object)?\.?zeros /);
      expect(stderr).to.match(new RegExp(`${file.replace('.', '\\.')}:2:8`));
    });
  }

  it('come from code with line breaks', () => {
    const dist = project().path('node_modules/batchnorm/dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const code = files.filter((name) => /\.m?js$/.test(name));
    expect(code).to.not.have.length(0);
    for (const name of code) {
      const lines = readFileSync(join(dist, name), 'utf8').split('\n');
      // Node never prints those for browsers, which are minified.
      const most = name.startsWith('browser') ? 1000 : maxLineLength;
      expect(Math.max(...lines.map((line) => line.length)), name).to.be.below(most);
    }
  });

  it('use the exported class names', () => {
    project().write(
      'names.cjs',
      `const exported = require('batchnorm');
      const classes = Object.entries(exported).filter(([, value]) => /^class\\b/.test(String(value)));
      console.log(JSON.stringify(classes.map(([name, value]) => [name, value.name])));`,
    );
    const { stdout, stderr } = project().node('names.cjs');
    expect(stderr).to.equal('');
    const names = JSON.parse(stdout) as [string, string][];
    expect(names.map(([name]) => name)).to.include.members(['BatchNorm2D', 'ReLU', 'Tensor']);
    for (const [exported, own] of names) expect(own).to.equal(exported);
  });
});
