import assert from 'node:assert/strict';
import { writePrograms } from './support/bundles.mjs';

export const packages = ['pnpm@latest', '@yarnpkg/cli-dist@latest'];

/** A separate project in `app/` that installs the package from the tarball. */
function writeApplication(project) {
  writePrograms(project);
  for (const program of ['main.mjs', 'main.cjs']) {
    project.write(`app/${program}`, project.read(program));
  }
  const dependencies = { batchnorm: `file:${project.tarball}` };
  project.write('app/package.json', JSON.stringify({ private: true, dependencies }));
  project.write('app/where.cjs', "console.log(require.resolve('batchnorm'));");
}

function expectNative(output) {
  assert.match(output, /^exercised$/m);
  assert.match(output, /^\{"name":"native"\}$/m);
}

export const cases = {
  npm: (project) => {
    writePrograms(project);
    for (const program of ['main.mjs', 'main.cjs']) expectNative(project.node([program]));
  },
  pnpm: (project) => {
    writeApplication(project);
    const cwd = project.path('app');
    const store = project.path('pnpm-store');
    project.tool('pnpm', ['install', '--store-dir', store], { cwd });
    assert.match(project.node(['where.cjs'], { cwd }), /app\/node_modules\/\.pnpm\//);
    for (const program of ['main.mjs', 'main.cjs']) expectNative(project.node([program], { cwd }));
  },
  'Yarn PnP': (project) => {
    writeApplication(project);
    project.write('app/yarn.lock', ''); // marks it as the root of a project
    const cwd = project.path('app');
    const [registry] = /https?:\S+/.exec(project.run('npm', ['config', 'get', 'registry']));
    const env = {
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
      YARN_GLOBAL_FOLDER: project.path('yarn'),
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    };
    const yarn = (...args) =>
      project.node([project.path('node_modules/@yarnpkg/cli-dist/bin/yarn.js'), ...args], {
        cwd,
        env,
      });
    yarn('install');
    assert.match(yarn('node', 'where.cjs'), /\.yarn\/unplugged\/batchnorm-/);
    for (const program of ['main.mjs', 'main.cjs']) expectNative(yarn('node', program));
  },
};
