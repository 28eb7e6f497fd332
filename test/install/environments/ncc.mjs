import {
  expectNativeBundle,
  keepBinaries,
  platform,
  allPlatforms,
  writePrograms,
} from './support/bundles.mjs';

export const packages = ['@vercel/ncc@latest'];

function build(project, entry) {
  project.tool('ncc', ['build', entry, '--out', 'out', '--minify', '--no-cache']);
}

export const cases = {
  'ES modules and CommonJS, binaries of all six platforms': (project) => {
    writePrograms(project);
    keepBinaries(project, allPlatforms);
    build(project, 'main.mjs');
    expectNativeBundle(project, 'out', 'index.mjs', { binaries: 6 });
    build(project, 'main.cjs');
    expectNativeBundle(project, 'out', 'index.cjs', { binaries: 6 });
  },
  'binary of one platform': (project) => {
    writePrograms(project);
    keepBinaries(project, [platform]);
    build(project, 'main.mjs');
    expectNativeBundle(project, 'out', 'index.mjs', { binaries: 1 });
  },
};
