import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  allPlatforms,
  expectAdvice,
  expectNativeBundle,
  keepBinaries,
  platform,
  writePrograms,
} from './support/bundles.mjs';
import { expectInBrowser, writeBrowserProgram, writePage } from './support/in-browser.mjs';

export const packages = ['webpack@latest', 'webpack-cli@latest'];

const formats = {
  'main.js': {},
  'main.mjs': { experiments: { outputModule: true }, output: { module: true } },
};

/** @param {string} entry of the project @param {string} file of the bundle, whose extension selects the format */
function build(project, entry, file) {
  const { output, ...rest } = formats[file];
  const config = {
    ...{ mode: 'production', target: 'node', entry: `./${entry}`, ...rest },
    output: { ...output, path: project.path('out'), filename: file, clean: true },
  };
  project.write('webpack.config.mjs', `export default ${JSON.stringify(config)};`);
  const log = project.tool('webpack', ['--config', 'webpack.config.mjs']);
  assert.doesNotMatch(log, /warning|error/i, log);
}

export const cases = {
  'binaries of all six platforms': (project) => {
    writePrograms(project);
    keepBinaries(project, allPlatforms);
    build(project, 'main.mjs', 'main.js');
    expectNativeBundle(project, 'out', 'main.js', { binaries: 6 });
  },
  'ES modules and CommonJS, binary of one platform': (project) => {
    writePrograms(project);
    keepBinaries(project, [platform]);
    for (const entry of ['main.mjs', 'main.cjs']) {
      for (const file of Object.keys(formats)) {
        build(project, entry, file);
        expectNativeBundle(project, 'out', file, { binaries: 1 });
      }
    }
  },
  'binaries of other platforms': (project) => {
    writePrograms(project);
    const file = `node_modules/batchnorm/prebuilds/${platform}/batchnorm.node`;
    const binary = readFileSync(project.path(file));
    keepBinaries(project, ['darwin-arm64', 'win32-x64']);
    build(project, 'main.mjs', 'main.js');
    project.write(file, binary);
    expectAdvice(project, 'out', 'main.js');
  },
  'a page': async (project) => {
    writeBrowserProgram(project);
    const output = { path: project.path('out'), filename: 'main.js', clean: true };
    const config = { mode: 'production', target: 'web', entry: './main.js', output };
    project.write('webpack.config.mjs', `export default ${JSON.stringify(config)};`);
    project.tool('webpack', ['--config', 'webpack.config.mjs']);
    writePage(project, 'out', 'main.js');
    await expectInBrowser(project, 'out');
  },
};
