// package.json as published: CommonJS, with an entry for bundlers (bundle.mjs explains why), and without fields that serve
// only a clone. npm would run `prepare` when installing from git, and list scripts that users do not have.
import { readFileSync } from 'node:fs';
import { browserEntries } from '../../build/browser/entry.mjs';

/** @returns {object} package.json as published. */
export function publishedManifest() {
  const published = JSON.parse(readFileSync('package.json', 'utf8'));
  delete published.scripts;
  delete published.devDependencies;
  delete published.imports; // imports of single modules, for our tests
  published.type = 'commonjs';
  const { exports } = published;
  for (const [name, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue;
    const file = name === '.' ? 'index' : name.slice(2);
    const browser = `./dist/browser/${file}`;
    exports[name] = {
      // `require` cannot wait for the WebAssembly module. Jest with jsdom uses it, in Node.
      ...(browserEntries.includes(file)
        ? { browser: { import: { types: `${browser}.d.mts`, default: `${browser}.mjs` } } }
        : {}),
      types: entry.types,
      module: entry.default.replace(/\.js$/, '.mjs'),
      default: entry.default,
    };
  }
  // For tools that do not read `exports`, such as TypeScript's node10 resolution.
  published.main = exports['.'].default;
  published.types = exports['.'].types;
  const subpaths = Object.keys(exports).filter((name) => exports[name].types !== undefined && name !== '.');
  published.typesVersions = {
    '*': Object.fromEntries(subpaths.map((name) => [name.slice(2), [exports[name].types]])),
  };
  // These modules record the paths of the binaries, or add the methods of tensors.
  published.sideEffects = ['./dist/*.mjs', './dist/*.js', './dist/backend/*', './dist/browser/*'];
  // Provenance requires the repository that the public runner builds from, so a fork must name itself.
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  if (server && repository) {
    published.homepage = `${server}/${repository}#readme`;
    published.bugs = `${server}/${repository}/issues`;
    published.repository = { type: 'git', url: `git+${server}/${repository}.git` };
  }
  return published;
}
