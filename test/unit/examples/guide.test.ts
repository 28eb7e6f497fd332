import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

const sources = packagePath('examples');
const compiled = fileURLToPath(new URL('../../../examples/', import.meta.url));

/** The output that comments after `console.log(...)` promise, in order. */
function promised(source: string): string[] {
  return [...source.matchAll(/console\.log\([^]*?\); \/\/ (.*)$/gm)].map(([, output]) => output);
}

describe('the guide in examples/', () => {
  const guide = readdirSync(sources).filter((name) => /^\d\d-.*\.ts$/.test(name));

  it('has its programs', () => {
    expect(guide).to.have.length.of.at.least(10);
  });

  for (const name of [...guide, 'models/fine-tune.ts']) {
    it(`${name} prints what its comments say`, function () {
      // A ResNet-18 takes a minute on the portable backend.
      if (name.startsWith('models/') && backend.name === 'portable') this.skip();
      this.timeout(120_000);
      const source = readFileSync(join(sources, name), 'utf8');
      const printed = spawnSync(node.file, node.args(join(compiled, name.replace('.ts', '.js'))), {
        encoding: 'utf8',
      });
      expect(printed.stderr).to.equal('');
      expect(printed.stdout.trimEnd().split('\n')).to.deep.equal(promised(source));
    });
  }
});
