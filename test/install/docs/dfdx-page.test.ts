import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';

const page = readFileSync(packagePath('docs/reference/dfdx.md'), 'utf8');

/** Rows of the table, without its head. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(' | '));

describe('docs/reference/dfdx.md', () => {
  it('has a row for every item of the page', () => {
    const items = ['scale', 'bias', 'running_mean', 'running_var', 'epsilon', 'momentum', '3d', '4d'];
    items.push('Module', 'ModuleMut', 'CanUpdateWithGradients', 'Clone', 'Debug', 'Default');
    items.push(
      'LoadFromNpz::read',
      'LoadFromNpz::load',
      'SaveToNpz::write',
      'SaveToNpz::save',
      'ResetParams',
    );
    const firstColumn = rows.map(([item]) => item).join('\n');
    for (const item of items) expect(firstColumn).to.include(item);
  });

  for (const [item, code, test] of rows) {
    it(item, () => {
      for (const cell of [code, test]) {
        const [, file, text] = /^`([^`]+)`: `(.+)`$/.exec(cell) ?? [];
        expect(file, cell).to.be.a('string');
        expect(existsSync(packagePath(file)), file).to.equal(true);
        // Formatting may have wrapped a line.
        const plain = (content: string) => content.replace(/\\'/g, "'").replace(/\s+\*?\s*/g, ' ');
        expect(plain(readFileSync(packagePath(file), 'utf8')), file).to.include(plain(text));
      }
    });
  }
});
