import assert from 'node:assert/strict';
import { expectAdvice, writePrograms } from './support/bundles.mjs';
import { copyModule, expectInBrowser, writeBrowserProgram, writePage } from './support/in-browser.mjs';

export const packages = ['esbuild@latest'];

/** yazl and yauzl are CommonJS, for which esbuild leaves require() in ES modules. */
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

function build(project, file, options) {
  project.tool('esbuild', [
    ...['main.mjs', '--bundle', '--platform=node', `--outfile=out/${file}`],
    ...options,
  ]);
}

export const cases = {
  'ES modules': (project) => {
    writePrograms(project);
    build(project, 'main.mjs', ['--format=esm', `--banner:js=${banner}`]);
    expectAdvice(project, 'out', 'main.mjs');
    build(project, 'min.mjs', ['--format=esm', `--banner:js=${banner}`, '--minify']);
    expectAdvice(project, 'out', 'min.mjs');
  },
  CommonJS: (project) => {
    writePrograms(project);
    build(project, 'main.cjs', ['--format=cjs', '--log-override:empty-import-meta=silent']);
    expectAdvice(project, 'out', 'main.cjs');
    build(project, 'min.cjs', ['--format=cjs', '--minify', '--log-override:empty-import-meta=silent']);
    expectAdvice(project, 'out', 'min.cjs');
  },
  'ES modules compute without a banner, which only saving needs': (project) => {
    project.write(
      'main.mjs',
      `import { BatchNorm2D, backend } from 'batchnorm';
console.log(backend.name);
new BatchNorm2D(1).save('never.npz').catch((error) => console.log(error.message));`,
    );
    build(project, 'main.mjs', ['--format=esm']);
    const output = project.node(['out/main.mjs']);
    assert.match(output, /Dynamic require of "\w+" is not supported/);
  },
  'a page': async (project) => {
    writeBrowserProgram(project);
    project.tool('esbuild', ['main.js', '--bundle', '--format=esm', '--outfile=out/main.js']);
    copyModule(project, 'out');
    writePage(project, 'out', 'main.js');
    await expectInBrowser(project, 'out');
  },
};
