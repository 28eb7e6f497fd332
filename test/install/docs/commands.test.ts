import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { emulated, node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

interface Target {
  readonly group: string;
  readonly file: string;
  readonly summary: string;
}

const { scripts } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const { targets } = (await import(pathToFileURL(packagePath('tools/targets.mjs')).href)) as {
  targets: Record<string, Target>;
};

/** Files that contain commands for people or machines, without generated pages. */
const pages = ['.ci', '.github', 'docs', 'tools', 'README.md', 'CONTRIBUTING.md', 'SECURITY.md']
  .flatMap(filesBelow)
  .filter((file) => !file.startsWith(join('docs', 'api')));

function filesBelow(path: string): string[] {
  if (!statSync(packagePath(path)).isDirectory()) return [path];
  return readdirSync(packagePath(path)).flatMap((name) => filesBelow(join(path, name)));
}

/** All matches of a pattern's first group in any page, with the page's name. */
function mentions(pattern: RegExp): readonly { readonly page: string; readonly name: string }[] {
  return pages.flatMap((page) =>
    [...readFileSync(packagePath(page), 'utf8').matchAll(pattern)].map(([, name = '']) => ({ page, name })),
  );
}

function runTarget(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(node.file, node.args('tools/run.mjs', ...args), {
    cwd: packagePath('.'),
    encoding: 'utf8',
  });
}

describe('commands', () => {
  it('are at most 15 npm scripts whose files exist', () => {
    expect(Object.keys(scripts)).to.have.length.at.most(15);
    for (const script of Object.values(scripts)) {
      for (const [, file = ''] of script.matchAll(/node (\S+)/g)) {
        expect(existsSync(packagePath(file)), file).to.equal(true);
      }
    }
  });

  it('are otherwise targets whose files exist', () => {
    for (const { file } of Object.values(targets)) {
      expect(existsSync(packagePath(file)), file).to.equal(true);
    }
  });

  it('exist if a page names an npm script', () => {
    const found = mentions(/npm run (?:--silent )?([a-z][\w:-]*\w)/g);
    expect(found).to.have.length.above(10);
    for (const { page, name } of found) expect(scripts, page).to.have.property(name);
  });

  it('exist if a page names a target', () => {
    const found = mentions(/(?:npm run check --|node tools\/run\.mjs) ([a-z][\w-]*)/g);
    expect(found).to.have.length.above(10);
    for (const { page, name } of found) expect(targets, page).to.have.property(name);
  });

  it('are listed by the runner', () => {
    const { status, stdout } = runTarget();
    expect(status).to.equal(0);
    const lines = stdout.split('\n');
    for (const [name, { summary }] of Object.entries(targets)) {
      const listed = lines.filter((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${summary}`));
      expect(listed, name).to.have.length(1);
    }
  });

  it('are refused by the runner if the target is unknown', () => {
    const { status, stderr } = runTarget('fuz');
    expect(status).to.equal(2);
    expect(stderr).to.match(/Expected one of .*fuzz.* for TARGET but received "fuz"/);
  });

  it('get their arguments from the runner, which passes on their exit status', function () {
    if (emulated) this.skip(); // the runner starts a Node without an emulator
    const { status, stderr } = runTarget('fuzz', '-5');
    expect(status).to.equal(2);
    expect(stderr).to.include('received "-5"');
  });
});
