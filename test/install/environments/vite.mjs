import assert from 'node:assert/strict';
import { expectAdvice, writePrograms } from './support/bundles.mjs';
import { expectInBrowser, writeBrowserProgram, writePage } from './support/in-browser.mjs';

export const packages = ['vite@latest'];

function build(project, config) {
  project.write('vite.config.mjs', `export default ${JSON.stringify(config)};`);
  project.tool('vite', ['build', '--ssr', 'main.mjs', '--outDir', 'out']);
}

export const cases = {
  'an external package, as by default': (project) => {
    writePrograms(project);
    build(project, {});
    assert.match(project.read('out/main.mjs'), /from ['"]batchnorm['"]/);
    assert.match(project.node(['out/main.mjs']), /^exercised$/m);
  },
  'ssr.noExternal': (project) => {
    writePrograms(project);
    build(project, { ssr: { noExternal: true } });
    expectAdvice(project, 'out', 'main.mjs');
  },
  'a page': async (project) => {
    writeBrowserProgram(project);
    writePage(project, '.', '/main.js');
    project.tool('vite', ['build', '--outDir', 'out']);
    await expectInBrowser(project, 'out');
  },
};
